/** One run from one seed: nodes and VMs, a while with faults, then a while without, in which all must come to rest. */
import { unsettled } from './check/converged.ts';
import { Journals } from './check/journals.ts';
import { Cluster, type VmWanted } from './cluster.ts';
import { type Mix, mixOf, strike } from './faults.ts';
import { giveUpPages, Operators } from './operators.ts';
import { Chance, type Odds } from './world/chance.ts';
import { CALM } from './world/network.ts';

export type RunOptions = {
  seed: number;
  nodes: number;
  faults: boolean;
  /** Only what was played before `qemu-postcopy` and operators: seeds of then say what they said. */
  plain?: boolean;
  log: boolean;
  plants: ReadonlySet<string>;
};

export type RunResult = {
  seed: number;
  violations: string[];
  /** VMs that went on on another node. */
  moves: number;
  /** Accepted handoffs, by what their source wrote down last. */
  outcomes: Record<string, number>;
  injected: Record<string, number>;
  events: number;
  log: string[];
};

const FAULTS_MS = 20_000;
/** Resends are up to 5 s apart, reservations last 8 s here: whoever needs longer waits for something that never comes. */
const HEAL_MS = 240_000;
const LOOK_MS = 1000;
/** People look after a VM that has been `degraded` for so long. */
const PATIENCE_MS = 60_000;
/** The rule must have nothing to do for so long. */
const REST_MS = 8000;

/** Shorter than in production, so that a run sees more of everything. */
const CONFIG = (pinMinutes: number) => `
windowMs: 3000
pinMinutes: ${pinMinutes}
migration: { prepareTimeoutMs: 4000, switchTimeoutMs: 4000 }
policy: { cooldownSeconds: 3 }
`;

export async function run(options: RunOptions): Promise<RunResult> {
  const { seed, faults } = options;
  // What kind of run it is comes from a chance of its own: a change of the world leaves it as it was.
  const kind = new Chance(seed ^ 0x5eed);
  const mix = mixOf(kind);
  const machines = Array.from({ length: options.nodes }, () => ({
    cores: kind.pick([1, 1, 2]),
    memoryMib: 2048,
  }));
  const cluster = new Cluster({
    ...options,
    machines,
    drift: faults ? 0.001 : 0,
    config: CONFIG(kind.pick([0, 0, 1])),
  });
  const { world } = cluster;
  const journals = new Journals(world);
  cluster.onWritten = (...args) => journals.written(...args);
  const unhandled = (error: unknown) =>
    world.truth.violated(`a promise of a node was rejected, and nobody heard of it: ${stackOf(error)}`);
  process.on('unhandledRejection', unhandled);
  try {
    await cluster.boot();
    for (const vm of faults ? dealt(options, anyVms(kind, machines.length)) : CALM_VMS) cluster.create(vm);
    await world.time.runUntil(world.time.nowMs + 2000);
    const operators = faults ? someOperators(cluster, options) : undefined;
    if (faults) await disturb(cluster, mix, operators);
    if (world.truth.violations.length === 0) await heal(cluster, operators);
  } catch (error) {
    world.truth.violated(`a node threw where nobody catches: ${stackOf(error)}`);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  return {
    seed,
    violations: world.truth.violations,
    moves: world.truth.moves,
    outcomes: journals.outcomes(),
    injected: Object.fromEntries([...world.injected].sort(([a], [b]) => (a < b ? -1 : 1))),
    events: world.time.count,
    log: world.log.lines,
  };
}

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? String(error)) : String(error);

/** In half of the runs; by a chance of their own, as what else is new. */
function someOperators(cluster: Cluster, { seed, plain }: RunOptions): Operators | undefined {
  const chance = new Chance(seed ^ 0x0be7);
  return !plain && chance.happens(0.5) ? new Operators(cluster, chance) : undefined;
}

async function disturb(cluster: Cluster, mix: Mix, operators: Operators | undefined): Promise<void> {
  const { world } = cluster;
  world.strikeShares = mix.strikes;
  world.network.weather = mix.weather;
  const untilMs = world.time.nowMs + FAULTS_MS;
  while (world.time.nowMs < untilMs && world.truth.violations.length === 0) {
    strike(cluster, mix);
    operators?.cutPower();
    operators?.look();
    await world.time.runUntil(world.time.nowMs + world.chance.between(0.2, 2) * mix.everyMs);
  }
}

/** Nothing but the rule: both nodes are idle, so the emptier one is packed away. */
const CALM_VMS: readonly VmWanted[] = [
  { name: 'vm0', node: 0, memoryMib: 512, loadMilli: 100 },
  { name: 'vm1', node: 1, memoryMib: 512, loadMilli: 200 },
];

const anyVms = (kind: Odds, nodes: number): VmWanted[] =>
  Array.from({ length: 2 + kind.below(5) }, (_, i) => ({
    name: `vm${i}`,
    node: kind.below(nodes),
    memoryMib: kind.pick([128, 256, 512]),
    loadMilli: kind.pick([20, 100, 300, 600, 1000]),
    migration: kind.pick(['postcopy', 'postcopy', 'precopy']),
  }));

/** By a chance of its own, so that what else a seed deals stays as it was. */
function dealt({ seed, plain }: RunOptions, vms: VmWanted[]): VmWanted[] {
  const chance = new Chance(seed ^ 0x9e40);
  const share = !plain && chance.happens(0.4) ? chance.between(0.3, 1) : 0;
  return vms.map(vm => (chance.happens(share) ? { ...vm, migration: 'qemu-postcopy' } : vm));
}

/** No more faults: everybody who can come back comes back, and loads stay as they are. */
async function heal(cluster: Cluster, operators: Operators | undefined): Promise<void> {
  const { world } = cluster;
  world.log.line('world', 'no more faults');
  world.strikeShares = {};
  world.network.weather = CALM;
  world.network.healAll();
  for (const agent of cluster.agents) cluster.powerOn(agent.machine.name);
  const untilMs = world.time.nowMs + HEAL_MS;
  let faults = ['nothing was looked at'];
  let quietSinceMs = world.time.nowMs;
  let moves = world.truth.moves;
  const patientUntilMs = world.time.nowMs + PATIENCE_MS;
  while (world.time.nowMs < untilMs && world.truth.violations.length === 0) {
    await world.time.runUntil(world.time.nowMs + LOOK_MS);
    operators?.look();
    if (world.time.nowMs > patientUntilMs) giveUpPages(cluster);
    faults = unsettled(cluster);
    if (faults.length > 0 || world.truth.moves !== moves) quietSinceMs = world.time.nowMs;
    moves = world.truth.moves;
    if (world.time.nowMs - quietSinceMs >= REST_MS) return;
  }
  if (world.truth.violations.length > 0) return;
  const still = faults.length > 0 ? faults.join('; ') : 'the rule goes on moving VMs';
  world.truth.violated(`not at rest ${HEAL_MS / 1000} s after the last fault: ${still}`);
}
