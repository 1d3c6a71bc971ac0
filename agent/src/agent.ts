/**
 * The agent: a parts list. Which core meets which edge, in the order in which they depend on one another; no rules.
 * Start: store, VMs adopted, mesh, handoffs taken up again, owned VMs started, then the loop: sample, report, decide.
 */
import { mkdirSync } from 'node:fs';
import { isOverloaded, threshold } from '@shoal/policies';
import type { Engine, Mode } from '@shoal/protocol';
import type { Config } from './config/config.ts';
import { ClusterView } from './core/view.ts';
import type { ManualOffer } from './edge/api/actions.ts';
import { createApi } from './edge/api/api.ts';
import { clusterStatus } from './edge/api/status.ts';
import { clock } from './edge/clock.ts';
import { type Answered, Handoffs } from './edge/handoff/handoffs.ts';
import { createJournal } from './edge/handoff/journal.ts';
import type { OfferRequest } from './edge/handoff/make-offer.ts';
import { Words } from './edge/handoff/words.ts';
import type { ClusterStatus } from './edge/http/api.types.ts';
import { createHttpServers } from './edge/http/servers.ts';
import { createLog } from './edge/log.ts';
import { bootId, digest16, guestMemoryMib } from './edge/machine.ts';
import { createMesh } from './edge/mesh/mesh.ts';
import type { Mesh } from './edge/mesh/types.ts';
import { createMetrics } from './edge/metrics.ts';
import { Decider } from './edge/mind/decider.ts';
import { countHandoff, setGauges } from './edge/mind/gauges.ts';
import { judge } from './edge/mind/judge.ts';
import { startLoop } from './edge/mind/loops.ts';
import { Node } from './edge/mind/node.ts';
import { cgroupBusy, hostBusy } from './edge/sampler/cpu.ts';
import { Sampler } from './edge/sampler/sampler.ts';
import { vmShelves } from './edge/vms/record.ts';
import { Vms } from './edge/vms/vms.ts';
import { createHost } from './host.ts';
import { policyOf } from './settings.ts';
import { openState } from './state.ts';
import { VERSION } from './version.ts';

export type Agent = { stop(): Promise<void> };

/** A target judges in under a second, waiting for gossip included; later than this it is not there. */
const OFFER_TIMEOUT_MS = 5000;

export async function startAgent(config: Config): Promise<Agent> {
  const { name, runDir, stateDir } = config.node;
  mkdirSync(runDir, { recursive: true, mode: 0o711 });
  const log = createLog({ level: config.log.level, node: name });
  const state = await openState(config);
  const { self, db, incarnation, flags, history, decisions, ended } = state;
  const boot = bootId();
  const metrics = createMetrics();
  const { policyConfig, policyNumbers, policyHash, rule } = policyOf(config);
  const clusterView = new ClusterView({
    self,
    staleAfterMs: config.mesh.staleAfterMs,
    overloaded: report => isOverloaded(report, policyConfig),
  });
  const reports = () => clusterView.reports(clock.nowMs());
  const nameOf = (peer: string) => reports().find(r => r.report.node === peer)?.report.name ?? peer;

  const { host, pageServers, postcopy, accel, user } = await createHost(config, log);

  let mesh: Mesh;
  let decider: Decider;
  let handoffs: Handoffs;
  const changed = () => node.tell();
  let recovered = false;
  // Until the journal was read any VM may be in a handoff: nothing of it is started or given back.
  const inHandoff = (vm: string) => !recovered || handoffs.parties.inHandoff(vm);
  const vms = new Vms(
    { bootId: boot, cooldownMs: policyConfig.cooldownMs, pinMs: config.pinMinutes * 60_000 },
    { host, shelves: vmShelves(db), clock, log, inHandoff, changed },
  );
  const memoryMib = () => guestMemoryMib(config.memory.ramDir, config.memory.guestMemoryMib);
  const freeMib = () => memoryMib() - vms.memoryMib() - handoffs.parties.reservedMib();
  mkdirSync(config.memory.ramDir, { recursive: true, mode: 0o711 });

  const busy = config.cpu.source === 'cgroup' ? cgroupBusy(config.cpu.cgroup) : hostBusy(config.cpu.coreSet);
  const sampler = new Sampler({ windowMs: config.windowMs }, { busy, clock });
  const mode = () => config.mode as Mode;
  const node: Node = new Node({
    sampler,
    vms,
    clusterView,
    history,
    metrics,
    clock,
    log,
    mesh: () => mesh,
    decider: () => decider,
    idlePermille: policyConfig.idlePermille,
    inputs: () => ({
      identity: { node: self, name, incarnation, version: VERSION },
      addresses: mesh.addresses(),
      http: servers.address().tcp,
      mode: mode(),
      policyHash,
      cordoned: flags.cordoned,
      pausedMs: flags.pausedMs,
      cores: config.cpu.cores,
      cooldownMs: policyConfig.cooldownMs,
      memoryMib: memoryMib(),
      memoryFreeMib: freeMib() - config.memory.reserveMib,
      vms: vms.list(),
      handoffs: handoffs.parties.loads(),
    }),
  });

  mesh = await createMesh(
    { stateDir, ...config.mesh, traceFile: process.env.SHOAL_BENCH_REPORT_LOG },
    { log, validate: (author, bytes) => node.validate(author, bytes) },
  );
  const words = new Words({
    incarnation,
    incarnationOf: peer => reports().find(r => r.report.node === peer)?.report.incarnation ?? 0,
    send: (peer, frame) => mesh.send(peer, frame),
    log,
  });
  handoffs = new Handoffs(
    {
      self,
      policyHash,
      bootId: boot,
      incarnation,
      offerTimeoutMs: OFFER_TIMEOUT_MS,
      prepareTimeoutMs: config.migration.prepareTimeoutMs,
      switchTimeoutMs: config.migration.switchTimeoutMs,
      reservationMs: config.migration.prepareTimeoutMs + config.migration.switchTimeoutMs,
      address: config.migration.address,
    },
    {
      journal: createJournal(db),
      clock,
      log,
      changed,
      words,
      host,
      vms,
      pageServers,
      vmmUid: user?.uid ?? process.getuid?.() ?? 0,
      bulkWindowBytes: config.migration.bulkWindowBytes,
      bulkBytesPerSecond: config.migration.bulkBytesPerSecond,
      deviceLoadPages: machine => state.deviceLoad.get(machine) ?? [],
      recordDeviceLoad: (machine, pages) => state.keepDeviceLoad(machine, pages, log),
      luggage(vm, source) {
        const load = reports()
          .find(r => r.report.node === source)
          ?.report.vms.find(v => v.vm === vm);
        return { backoffLevel: load?.backoffLevel ?? 0, backoffMs: load?.backoffMs ?? 0 };
      },
      switched: () => sampler.disturb(),
      async judge(offer, source) {
        const verdict = await judge(
          offer,
          source,
          { self, policyHash, config: policyConfig, reserveMib: config.memory.reserveMib, postcopy },
          {
            vms,
            host,
            flags,
            clusterView,
            decide: rule,
            mode,
            freeMib,
            parties: handoffs.parties,
            relocation: () => node.relocation,
            clock,
          },
        );
        if (verdict.ok) node.takes(offer);
        return verdict;
      },
      nameOf: peer => (peer === self ? name : nameOf(peer)),
      past: ended,
      ended: status => countHandoff(metrics, status),
    },
  );

  const paused = () => reports().some(r => !r.stale && r.report.pausedMs > r.ageMs);
  const engineOf = (vm: string): Engine =>
    vms.get(vm)?.record.spec.migration === 'precopy' || !postcopy
      ? 'precopy'
      : (config.migration.engine as Engine);
  const offer = async (request: Omit<OfferRequest, 'decidedAtMs'>): Promise<Answered> => {
    const decidedAtMs = clock.nowMs();
    const answer = await vms.move(request.spec, () => handoffs.offer({ ...request, decidedAtMs }));
    if (answer.accepted) node.relocated(request.relocation);
    else metrics.count('shoal_offers_refused_total', { code: answer.code });
    return answer;
  };
  decider = new Decider(
    { self, rule: threshold.name, policyHash, cooldownMs: policyConfig.cooldownMs, config: policyNumbers },
    {
      clusterView,
      decide: rule,
      digest: digest16,
      mode,
      paused,
      own: () => ({ ...handoffs.parties.own(), maxOutflow: policyConfig.maxOutflow }),
      async offer(move, relocation, basis) {
        const record = vms.get(move.vm)?.record;
        if (!record) return { accepted: false, code: 'gone', detail: 'the VM is not here any more' };
        const busy = vms.busy(record.spec.vm);
        if (busy) return { accepted: false, code: 'busy', detail: `a ${busy} of the VM is under way` };
        metrics.count('shoal_moves_total', { reason: move.reason });
        const { spec, epoch } = record;
        return offer({
          spec,
          epoch,
          target: move.to,
          engine: engineOf(move.vm),
          reason: move.reason,
          relocation,
          basis,
        });
      },
      async keep(record) {
        metrics.count('shoal_decisions_total', { action: record.action });
        for (const { code } of record.decision.refusals) metrics.count('shoal_refusals_total', { code });
        await decisions.add(record);
      },
      clock,
      log,
    },
  );

  const status = (): ClusterStatus =>
    clusterStatus({
      node: name,
      nodeId: self,
      version: VERSION,
      mode: mode(),
      policy: threshold.name,
      policyHash,
      cooldownConfigMs: policyConfig.cooldownMs,
      pausedMs: flags.pausedMs,
      seen: reports(),
      members: config.mesh.peers.map(p => ({ id: p.id, name: '' })),
      own: handoffs.parties.running(),
    });
  const api = createApi({
    nodeName: name,
    vms,
    host,
    flags,
    history,
    decider,
    decisions,
    status,
    freeMib,
    tellNow: async () => void (await node.publish()),
    reports: () => reports().map(r => r.report),
    handoffs: limit => handoffs.list(limit),
    health: () => node.faults(),
    defaultEngine: postcopy ? (config.migration.engine as Engine) : 'precopy',
    postcopy,
    pinMs: config.pinMinutes * 60_000,
    handoffWith: vm => handoffs.parties.running().find(h => h.vm === vm)?.target,
    cancel: vm => void handoffs.cancel(vm),
    offer: ({ owned, target, engine }: ManualOffer) => {
      const { spec, epoch } = owned.record;
      return offer({ spec, epoch, target: target.id, engine, reason: 'manual', relocation: '', basis: [] });
    },
  });
  const scraped = {
    ...metrics,
    text() {
      setGauges(metrics, status(), mesh, vm => sampler.cpuMs(vm));
      return metrics.text();
    },
  };
  const servers = createHttpServers(
    { listen: config.http.listen, socket: config.control.socket, group: config.control.group },
    { api, metrics: scraped, log },
  );

  await vms.adoptAll();
  mesh.onReport((_author, bytes) => node.heard(bytes));
  // Nothing is answered before every newest record was written again (handoff.md, Records).
  await handoffs.recover();
  recovered = true;
  mesh.onMessage((peer, frame) => handoffs.hear(peer, frame));
  await servers.start();
  const loop = startLoop('heartbeat', config.mesh.reportIntervalMs, () => node.round(), { clock, log });
  await vms.startOwned();
  log.info({ id: self, incarnation, accel, http: servers.address().tcp }, 'agent started');

  return {
    async stop() {
      node.stop();
      await loop.stop();
      await servers.stop();
      await handoffs.stop();
      await mesh.stop();
      metrics.stop();
      await db.close();
      log.info({}, 'agent stopped; its VMs go on');
    },
  };
}
