/**
 * One node: which core meets which edge, in the order in which they depend on one another; no rules. It touches the
 * machine through its ports alone, so the simulator runs this very node.
 */
import { isOverloaded, threshold } from '@shoal/policies';
import type { LoadReport, Mode } from '@shoal/protocol';
import type { Config } from '../config/config.ts';
import type { EngineWants } from '../core/choose-engine.ts';
import { restOf } from '../core/power/rest.ts';
import { POLICY_KEY } from '../core/registers/policy.ts';
import { ClusterView } from '../core/view.ts';
import type { ManualOffer } from '../edge/api/actions.ts';
import { createApi } from '../edge/api/api.ts';
import { clusterStatus } from '../edge/api/status.ts';
import type { Answered, Handoffs } from '../edge/handoff/handoffs.ts';
import type { OfferRequest } from '../edge/handoff/make-offer.ts';
import { Words } from '../edge/handoff/words.ts';
import type { AgentApi, ClusterStatus } from '../edge/http/api.types.ts';
import type { Mesh } from '../edge/mesh/types.ts';
import type { Decider } from '../edge/mind/decider.ts';
import { Flows } from '../edge/mind/flows.ts';
import { countHandoff, setGauges, setSharedGauges } from '../edge/mind/gauges.ts';
import { Node } from '../edge/mind/node.ts';
import type { Power } from '../edge/power/power.ts';
import type { Registers } from '../edge/registers/registers.ts';
import { openShared, type Shared } from '../edge/registers/shared.ts';
import { Sampler } from '../edge/sampler/sampler.ts';
import { vmShelves } from '../edge/vms/record.ts';
import { Vms } from '../edge/vms/vms.ts';
import { Policy } from '../settings.ts';
import { VERSION } from '../version.ts';
import { wireDecider } from './decider.ts';
import { oneHandoff, wireHandoffs } from './handoffs.ts';
import type { Ports } from './ports.ts';
import { wirePower } from './power.ts';

export type WiredNode = {
  api: AgentApi;
  mesh: Mesh;
  handoffs: Handoffs;
  vms: Vms;
  registers: Registers;
  status(): ClusterStatus;
  /** Metrics as they are now, in Prometheus' text format. */
  scrape(): Promise<string>;
  /** Adopts the VMs of an earlier life and takes up its handoffs. Nothing is decided or answered before. */
  takeUp(): Promise<void>;
  /** After `takeUp`: starts what should run and does not. */
  startOwned(): Promise<void>;
  /** The machine has slept, and this life is over. */
  hasSlept(): boolean;
  /** One period: sample, report, decide. */
  round(): Promise<void>;
  /** Says and hears no more; VMs and what is under way in the world go on. */
  stop(): Promise<void>;
};

export async function wireNode(config: Config, ports: Ports): Promise<WiredNode> {
  const { clock, log, metrics, state, host, postcopy } = ports;
  const { self, incarnation, history, decisions } = state;
  const policy = new Policy(config);
  const overloaded = (report: LoadReport) => isOverloaded(report, policy.config);
  const clusterView = new ClusterView(
    { self, staleAfterMs: config.mesh.staleAfterMs, overloaded, asleep: () => power?.asleep() ?? [] },
    await state.marks.read(),
  );
  const reports = () => clusterView.reports(clock.nowMs());
  const nameOf = (peer: string) => reports().find(r => r.report.node === peer)?.report.name ?? peer;

  let mesh: Mesh;
  let shared: Shared;
  let decider: Decider;
  let handoffs: Handoffs;
  let power: Power | undefined;
  const changed = () => node.tell();
  let recovered = false;
  // Until the journal was read any VM may be in a handoff: nothing of it is started or given back.
  const inHandoff = (vm: string) => !recovered || handoffs.parties.inHandoff(vm);
  const vms = new Vms(
    {
      bootId: ports.bootId,
      get cooldownMs() {
        return policy.config.cooldownMs;
      },
      pinMs: config.pinMinutes * 60_000,
    },
    { host, shelves: vmShelves(state.db), clock, log, inHandoff, changed },
  );
  const freeMib = () => ports.memoryMib() - vms.memoryMib() - handoffs.parties.reservedMib();
  const sampler = new Sampler({ windowMs: config.windowMs }, { ...ports.sampled, clock });
  const mode = () => shared.flags.mode ?? (config.mode as Mode);
  // Who has not heard of what the others share might move what was pinned, paused or cordoned meanwhile.
  const acting = () => (shared.settled() ? mode() : 'observe');
  const takePolicy = () => {
    const { value } = shared.registers.get(POLICY_KEY);
    if (policy.take(value)) log.info({ hash: policy.hash, said: policy.said }, 'numbers of the rule');
    else log.warn({ faults: policy.faultsOf(value) }, 'numbers of the rule in a register are not taken');
  };
  const node: Node = new Node({
    sampler,
    vms,
    clusterView,
    history,
    marks: state.marks,
    metrics,
    clock,
    log,
    mesh: () => mesh,
    decider: () => decider,
    power: () => power as Power,
    get idlePermille() {
      return policy.config.idlePermille;
    },
    inputs: () => ({
      identity: { node: self, name: config.node.name, incarnation, version: VERSION },
      addresses: mesh.addresses(),
      http: ports.httpAddress(),
      mode: mode(),
      policyHash: policy.hash,
      cordoned: shared.flags.cordoned,
      pausedMs: shared.flags.pausedMs,
      cores: config.cpu.cores,
      cooldownMs: policy.config.cooldownMs,
      memoryMib: ports.memoryMib(),
      memoryFreeMib: freeMib() - config.memory.reserveMib,
      vms: vms.list(),
      handoffs: handoffs.parties.loads(),
    }),
  });

  mesh = await ports.joinMesh((author, bytes) => node.validate(author, bytes));
  shared = await openShared(self, config.mesh, {
    db: state.db,
    seal: ports.seal,
    mesh,
    clock,
    log,
    changed(keys) {
      if (keys.includes(POLICY_KEY)) takePolicy();
      power?.registersChanged(keys);
      changed();
    },
    removed(peer) {
      clusterView.forget(peer);
      power?.removed(peer);
    },
  });
  const { registers, flags } = shared;
  takePolicy();
  const words = new Words({
    incarnation,
    incarnationOf: peer => reports().find(r => r.report.node === peer)?.report.incarnation ?? 0,
    send: (peer, frame) => mesh.send(peer, frame),
    log,
  });
  const flows = new Flows(metrics);
  handoffs = wireHandoffs(config, ports, {
    policy,
    mode: acting,
    flags: () => ({
      cordoned: flags.cordoned,
      closed: power?.closed ?? false,
      pausedMs: flags.meshPausedMs,
    }),
    clusterView,
    vms,
    words,
    node: () => node,
    freeMib,
    nameOf,
    changed,
    switched: () => sampler.disturb(),
    ended(status) {
      countHandoff(metrics, status);
      flows.ended(status);
    },
  });

  const engines = config.migration as EngineWants;
  const paused = () => flags.meshPausedMs > 0 || reports().some(r => !r.stale && r.report.pausedMs > r.ageMs);
  const offer = async (request: Omit<OfferRequest, 'decidedAtMs'>): Promise<Answered> => {
    const decidedAtMs = clock.nowMs();
    const answer = await vms.move(request.spec, () => handoffs.offer({ ...request, decidedAtMs }));
    if (answer.accepted) node.relocated(request.relocation);
    else metrics.count('shoal_offers_refused_total', { code: answer.code });
    return answer;
  };
  decider = wireDecider(
    {
      ...{ self, policy, clusterView, acting, paused, handoffs, vms, offer },
      engines: config.migration as EngineWants,
    },
    ports,
  );

  const rests = wirePower(config, ports, {
    ...{ shared, mesh, vms, handoffs, clusterView, policy, changed },
    memoryFreeMib: () => freeMib() - config.memory.reserveMib,
    acts: () => acting() === 'auto' && !paused(),
    decide: awake => policy.rule(clusterView.view(clock.nowMs(), awake)),
  });
  power = rests;

  const status = (): ClusterStatus => {
    const all = registers.table.all().map(held => held.register);
    return clusterStatus({
      node: config.node.name,
      nodeId: self,
      version: VERSION,
      mode: mode(),
      policy: threshold.name,
      policyHash: policy.hash,
      cooldownConfigMs: policy.config.cooldownMs,
      https: ports.https?.() ?? { address: '', fingerprint: '' },
      pausedMs: flags.meshPausedMs,
      seen: reports(),
      passing: clusterView.passing(),
      members: [...registers.members()],
      own: handoffs.parties.running(),
      power: rests.state,
      rest: id => restOf(all, id, nameOf),
      asleep: rests.asleep().map(({ node: id, entry }) => ({ node: id, entry, power: rests.stateOf(id) })),
    });
  };
  const api = createApi({
    nodeName: config.node.name,
    vms,
    host,
    flags,
    registers,
    policy,
    peers: () => mesh.peers(),
    history,
    decider,
    decisions,
    status,
    freeMib,
    tellNow: async () => void (await node.publish()),
    reports: () => reports().map(r => r.report),
    handoffs: limit => handoffs.list(limit),
    handoff: id => oneHandoff(handoffs, state, id),
    health: () => node.faults(),
    engines,
    postcopy,
    pinMs: config.pinMinutes * 60_000,
    underWay: name => handoffs.parties.running().find(h => h.vm === name || h.name === name),
    cancel: vm => void handoffs.cancel(vm),
    resolving: { parties: handoffs.parties, clock, status },
    power: rests,
    needed: why => rests.needed(why),
    suspend: ports.power.suspend,
    offer: ({ owned, target: { id }, engine, wishes }: ManualOffer) => {
      const { spec, epoch } = owned.record;
      const why = { reason: 'manual' as const, relocation: '', basis: [] };
      return offer({ spec, epoch, target: id, engine, wishes, ...why });
    },
  });

  return {
    api,
    mesh,
    handoffs,
    vms,
    registers,
    status,
    scrape() {
      setGauges(metrics, status(), mesh, vm => sampler.cpuMs(vm));
      setSharedGauges(metrics, shared);
      flows.running(handoffs.parties.running());
      metrics.set('shoal_handoffs_unacknowledged', {}, handoffs.parties.unacknowledged());
      return metrics.text();
    },
    async takeUp() {
      await vms.adoptAll();
      // It may have been removed since its report was let in.
      mesh.onReport((author, bytes, waitedMs) => registers.isMember(author) && node.heard(bytes, waitedMs));
      // Nothing is answered before every newest record was written again (handoff.md, Records).
      await handoffs.recover();
      if (rests.wasAsleep && vms.list().length === 0) sampler.trust();
      await rests.open();
      recovered = true;
      mesh.onMessage((peer, frame) => handoffs.hear(peer, frame));
    },
    startOwned: () => vms.startOwned(),
    hasSlept: () => rests.hasSlept(),
    round: () => node.round(),
    async stop() {
      node.stop();
      await rests.stop();
      shared.stop();
      await handoffs.stop();
      await mesh.stop();
      await state.marks
        .write(clusterView.marks())
        .catch(error => log.warn({ error: String(error) }, 'marks of heard reports not kept'));
    },
  };
}
