/**
 * The agent: a parts list. Which core meets which edge, in the order in which they depend on one another; no rules.
 * Start: store, VMs adopted, mesh, handoffs taken up again, owned VMs started, then the loop: sample, report, decide.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decide, policyFingerprint, threshold, type View } from '@shoal/policies';
import type { Engine, Mode } from '@shoal/protocol';
import type { Config } from './config/config.ts';
import { ClusterView } from './core/view.ts';
import type { ManualOffer } from './edge/api/actions.ts';
import { createApi } from './edge/api/api.ts';
import { clusterStatus } from './edge/api/status.ts';
import { clock } from './edge/clock.ts';
import { Flags } from './edge/flags.ts';
import { Handoffs, type OfferRequest } from './edge/handoff/handoffs.ts';
import { createJournal } from './edge/handoff/journal.ts';
import { Words } from './edge/handoff/words.ts';
import { History } from './edge/history.ts';
import type { ClusterStatus, DecisionRecord, HandoffStatus } from './edge/http/api.types.ts';
import { createHttpServers } from './edge/http/servers.ts';
import { createLog } from './edge/log.ts';
import { bootId, digest16, guestMemoryMib } from './edge/machine.ts';
import { nodeId } from './edge/mesh/identity.ts';
import { createMesh } from './edge/mesh/mesh.ts';
import type { Mesh } from './edge/mesh/types.ts';
import { createMetrics } from './edge/metrics.ts';
import { Decider, type OfferAnswer } from './edge/mind/decider.ts';
import { countHandoff, setGauges } from './edge/mind/gauges.ts';
import { judge } from './edge/mind/judge.ts';
import { startLoop } from './edge/mind/loops.ts';
import { Node } from './edge/mind/node.ts';
import { createPageServers } from './edge/pages/client.ts';
import { cgroupBusy, hostBusy } from './edge/sampler/cpu.ts';
import { Sampler } from './edge/sampler/sampler.ts';
import { nextIncarnation, openDatabase, Shelf, timeKey } from './edge/store/store.ts';
import { createVmHost, postcopyPossible } from './edge/vmm/host.ts';
import { kvmRuns } from './edge/vmm/probe-kvm.ts';
import { vmShelves } from './edge/vms/record.ts';
import { Vms } from './edge/vms/vms.ts';
import { runAs, thresholdConfig } from './settings.ts';
import { VERSION } from './version.ts';

export type Agent = { stop(): Promise<void> };

/** Built by cargo beside the compiled agent. */
const NATIVE_DIR = fileURLToPath(new URL('../native/target/release', import.meta.url));
/** A target judges in under a second, waiting for gossip included; later than this it is not there. */
const OFFER_TIMEOUT_MS = 5000;

export async function startAgent(config: Config): Promise<Agent> {
  const { stateDir, runDir } = config.node;
  for (const dir of [stateDir, runDir]) mkdirSync(dir, { recursive: true, mode: 0o711 });
  const self = await nodeId(stateDir);
  const { name } = config.node;
  const log = createLog({ level: config.log.level, node: name });
  const db = await openDatabase(stateDir);
  const incarnation = await nextIncarnation(db);
  const boot = bootId();
  const metrics = createMetrics();
  const flags = new Flags(db, clock);
  await flags.open();
  const history = new History(db, config.history.retentionHours, clock);
  const decisions = new Shelf<DecisionRecord>(db, 'decision');
  const ended = new Shelf<HandoffStatus>(db, 'ended');
  const deviceLoad = new Shelf<number[]>(db, 'device-load');
  const deviceLoadPages = new Map(await deviceLoad.all());

  const policyConfig = thresholdConfig(config);
  const policyHash = digest16(policyFingerprint(threshold.name, threshold.version, policyConfig));
  const rule = (view: View) => decide(view, policyConfig);
  const clusterView = new ClusterView({
    self,
    staleAfterMs: config.mesh.staleAfterMs,
    overloadPermille: policyConfig.overloadPermille,
  });
  const reports = () => clusterView.reports(clock.nowMs());
  const nameOf = (peer: string) => reports().find(r => r.report.node === peer)?.report.name ?? peer;

  const native = config.native.dir || NATIVE_DIR;
  const preload = join(native, 'libshoal-uffd.so');
  const pagesCommand = join(native, 'shoal-pages');
  const postcopy = await postcopyPossible(preload, pagesCommand);
  if (!postcopy) log.warn({ native }, 'no post-copy on this node: see `shoal doctor`');
  const accel =
    config.vms.accel === 'auto' ? ((await kvmRuns(config.vms.qemu)) ? 'kvm' : 'tcg') : config.vms.accel;
  const user = runAs(config);
  const host = createVmHost(
    {
      runDir,
      accel,
      qemu: config.vms.qemu,
      micro: join(native, 'shoal-micro'),
      preload: postcopy ? preload : '',
      runAs: user,
      cgroups: config.cpu.vmCgroups,
      allow: { ...config.vms, ramDir: config.memory.ramDir, postcopy },
    },
    { clock },
  );
  const pageServers = createPageServers({ runDir, command: pagesCommand, runAs: user, cgroups: [] });

  let mesh: Mesh;
  let decider: Decider;
  let handoffs: Handoffs;
  const changed = () => node.tell();
  const vms = new Vms(
    { bootId: boot, cooldownMs: policyConfig.cooldownMs, pinMs: config.pinMinutes * 60_000 },
    { host, shelves: vmShelves(db), clock, log, inHandoff: vm => handoffs.inHandoff(vm), changed },
  );
  const memoryMib = () => guestMemoryMib(config.memory.ramDir, config.memory.guestMemoryMib);
  const freeMib = () => {
    const used = vms.list().filter(v => v.vmm || v.state === 'starting');
    return memoryMib() - used.reduce((sum, v) => sum + v.record.spec.memoryMib, 0) - handoffs.reservedMib();
  };
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
      memoryFreeMib: freeMib(),
      relocation: node.relocation,
      vms: vms.list(),
      handoffs: handoffs.loads(),
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
      deviceLoadPages: machine => deviceLoadPages.get(machine) ?? [],
      recordDeviceLoad(machine, pages) {
        deviceLoadPages.set(machine, pages);
        deviceLoad
          .put(machine, pages)
          .catch(error => log.warn({ error: String(error) }, 'device-load set not kept'));
      },
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
          { self, policyHash, reserveMib: config.memory.reserveMib, maxInflow: policyConfig.maxInflow },
          {
            vms,
            host,
            flags,
            clusterView,
            decide: rule,
            mode,
            freeMib,
            inflow: () => handoffs.inflow(),
            outgoingTo: peer => handoffs.outgoingTo(peer),
            clock,
          },
        );
        if (verdict.ok) node.relocated(offer.relocation);
        return verdict;
      },
      nameOf: peer => (peer === self ? name : nameOf(peer)),
      incarnationOf: peer => reports().find(r => r.report.node === peer)?.report.incarnation ?? 0,
      shelf: ended,
      async keepEnded(status) {
        countHandoff(metrics, status);
        await ended.put(timeKey(clock.wallMs()), status);
      },
    },
  );

  const paused = () => reports().some(r => !r.stale && r.report.pausedMs > r.ageMs);
  const engineOf = (vm: string): Engine =>
    vms.get(vm)?.record.spec.migration === 'precopy' || !postcopy
      ? 'precopy'
      : (config.migration.engine as Engine);
  const offer = async (
    request: Omit<OfferRequest, 'decidedAtMs'>,
  ): Promise<OfferAnswer & { handoff: string }> => {
    const answer = await handoffs.offer({ ...request, decidedAtMs: clock.nowMs() });
    if (answer.accepted) node.relocated(request.relocation);
    else metrics.count('shoal_offers_refused_total', { code: answer.code });
    return answer;
  };
  decider = new Decider(
    { self, rule: threshold.name, policyHash, cooldownMs: policyConfig.cooldownMs },
    {
      clusterView,
      decide: rule,
      digest: digest16,
      mode,
      paused,
      async offer(move, relocation, basis) {
        const record = vms.get(move.vm)?.record;
        if (!record) return { accepted: false, code: 'gone', detail: 'the VM is not here any more' };
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
        await decisions.put(timeKey(record.atMs), record);
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
      own: handoffs.running(),
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
    changed,
    reports: () => reports().map(r => r.report),
    handoffs: limit => handoffs.list(limit),
    health: () => [],
    defaultEngine: postcopy ? (config.migration.engine as Engine) : 'precopy',
    async cancel(vm) {
      handoffs.cancel(vm);
    },
    offer: ({ owned, target, engine }: ManualOffer) => {
      const { spec, epoch } = owned.record;
      return offer({ spec, epoch, target: target.id, engine, reason: 'manual', relocation: '', basis: [] });
    },
  });
  const scrape = () => {
    setGauges(metrics, status(), mesh);
    return metrics.text();
  };
  const scraped = { ...metrics, text: scrape };
  const servers = createHttpServers(
    { listen: config.http.listen, socket: config.control.socket, group: config.control.group },
    { api, metrics: scraped, log },
  );

  await vms.adoptAll();
  mesh.onReport((_author, bytes) => node.heard(bytes));
  mesh.onMessage((peer, frame) => handoffs.hear(peer, frame));
  await handoffs.recover();
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
