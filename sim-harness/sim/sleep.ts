/**
 * One run from one seed of nodes that sleep by themselves: bad weather and cuts first, then calm, in which exactly the reserve must be
 * awake beside the nodes with VMs; then an overload, for which somebody must be woken (docs/decisions/0026).
 */
import { reserveOf } from '@shoal/policies';
import { Cluster } from './cluster.ts';
import { Chance } from './world/chance.ts';
import type { Machine } from './world/machine.ts';
import { CALM } from './world/network.ts';

export type SleepResult = {
  seed: number;
  violations: string[];
  sleeps: number;
  wakes: number;
  log: string[];
};

const CONFIG = (hostsInReserve: number) => `
windowMs: 3000
pinMinutes: 0
migration: { prepareTimeoutMs: 4000, switchTimeoutMs: 4000 }
policy: { cooldownSeconds: 3, hostsInReserve: ${hostsInReserve} }
power: { sleep: auto, afterSeconds: 10, answerSeconds: 3, drainSeconds: 20, suspend: { driver: simulated } }
`;
const STORM_MS = 60_000;
/** A minute of storm leaves rests of a few minutes. */
const CALM_MS = 900_000;
const LOOK_MS = 1000;
/** Window, wake, a period and a move, with a wake that is lost once. */
const RELIEF_MS = 240_000;
const HOT = [700, 700];

export async function sleepRun(seed: number, log: boolean): Promise<SleepResult> {
  const kind = new Chance(seed ^ 0x51ee9);
  const nodes = kind.pick([2, 3, 3, 4, 5, 6]);
  // Without a reserve an overload must wake somebody.
  const hostsInReserve = kind.pick([-1, 0]);
  const cluster = new Cluster({
    ...{ seed, log, plants: new Set<string>(), drift: 0.001, config: CONFIG(hostsInReserve) },
    machines: Array.from({ length: nodes }, () => ({ cores: 1, memoryMib: 2048 })),
  });
  const { world } = cluster;
  const violated = (what: string) => world.truth.violated(what);
  try {
    await cluster.boot();
    const vms = kind.pick([0, 1, 2]);
    for (let i = 0; i < vms; i++)
      cluster.create({ name: `vm${i}`, node: kind.below(nodes), memoryMib: 256, loadMilli: 20 });
    await storm(cluster, kind);
    await world.time.runUntil(world.time.nowMs + CALM_MS);
    for (const what of reserveFaults(cluster, hostsInReserve)) violated(what);
    if (vms === 2 && world.truth.violations.length === 0) await heat(cluster);
  } catch (error) {
    violated(`a node threw where nobody catches: ${(error as Error).stack}`);
  }
  const count = (word: string) => world.injected.get(word) ?? 0;
  return {
    ...{ seed, violations: world.truth.violations, log: world.log.lines },
    ...{ sleeps: count('sleep'), wakes: count('wake') },
  };
}

async function storm({ world, agents }: Cluster, chance: Chance): Promise<void> {
  const { network, time } = world;
  world.strikeShares = { 'suspend-refused': chance.between(0, 0.5), 'wake-lost': chance.between(0, 0.5) };
  network.weather = { loss: chance.between(0, 0.3), duplicate: 0.1, late: chance.between(0, 0.3) };
  for (const end = time.nowMs + STORM_MS; time.nowMs < end; ) {
    await time.runUntil(time.nowMs + chance.between(500, 5000));
    const [a, b] = [chance.pick(world.machines), chance.pick(world.machines)];
    const what = chance.pick(['cut', 'cut', 'heal', 'crash', 'wake'] as const);
    if (what === 'cut' && a !== b) network.cut(a.id, b.id);
    if (what === 'heal') network.healAll();
    if (what === 'crash') agents.find(agent => agent.machine === a)?.crash('killed');
    // By its own clock, or somebody's finger.
    if (what === 'wake') agents.find(agent => agent.machine === a)?.wake('by itself');
  }
  network.healAll();
  network.weather = CALM;
  // Wakes go on getting lost: they are asked for again.
  world.strikeShares = { 'wake-lost': world.strikeShares['wake-lost'] ?? 0 };
}

/** As machines and disks are, not as agents say. */
function reserveFaults({ world, agents }: Cluster, hostsInReserve: number): string[] {
  const on = world.machines.filter(m => m.power === 'on');
  const hosts = on.filter(m => m.vmms.size > 0);
  const empty = on.length - hosts.length;
  const wished = hostsInReserve < 0 ? reserveOf(world.machines.length) : hostsInReserve;
  const reserve = Math.min(world.machines.length - hosts.length, wished);
  const wanted = hosts.length === 0 ? Math.max(1, reserve) : reserve;
  const faults: string[] = [];
  if (empty !== wanted)
    faults.push(`${empty} nodes without VMs are awake (${hosts.length} with), ${wanted} should be`);
  for (const machine of on) {
    const node = agents.find(agent => agent.machine === machine)?.node;
    const seen = new Map(node?.status().nodes.map(n => [n.id, n.state]));
    for (const other of world.machines) {
      const state = other.power === 'on' ? 'awake' : 'asleep';
      if (seen.get(other.id) !== state)
        faults.push(`${machine.name} sees ${other.name} as ${seen.get(other.id)}, which is ${state}`);
    }
  }
  return faults;
}

async function heat(cluster: Cluster): Promise<void> {
  const { world, specs } = cluster;
  [...specs.keys()].forEach((vm, i) => {
    world.setLoad(vm, HOT[i] ?? 0);
  });
  const { time } = world;
  for (const end = time.nowMs + RELIEF_MS; time.nowMs < end; ) {
    await time.runUntil(time.nowMs + LOOK_MS);
    if (world.machines.filter(hasVm).length === 2) return;
  }
  world.truth.violated(`an overload of two VMs was not relieved within ${RELIEF_MS / 1000} s`);
}

const hasVm = (machine: Machine): boolean => [...machine.vmms.values()].some(v => v.state === 'running');

/** A cluster in two halves of which neither hears the other: nobody may sleep, however long it lasts. */
export async function partitionRun(seed: number): Promise<string[]> {
  const kind = new Chance(seed ^ 0x9a27);
  const nodes = kind.pick([2, 3, 4, 5]);
  const cluster = new Cluster({
    ...{ seed, log: false, plants: new Set<string>(), drift: 0.001, config: CONFIG(-1) },
    machines: Array.from({ length: nodes }, () => ({ cores: 1, memoryMib: 2048 })),
  });
  const { world } = cluster;
  await cluster.boot();
  const half = 1 + kind.below(nodes - 1);
  for (const a of world.machines.slice(0, half))
    for (const b of world.machines.slice(half)) {
      world.network.cut(a.id, b.id);
      if (kind.happens(0.7)) world.network.cut(b.id, a.id);
    }
  await world.time.runUntil(world.time.nowMs + 200_000);
  const asleep = world.machines.filter(m => m.power !== 'on');
  const faults = asleep.map(m => `${m.name} sleeps in a partition`);
  world.network.healAll();
  await world.time.runUntil(world.time.nowMs + CALM_MS);
  return [...world.truth.violations, ...faults, ...reserveFaults(cluster, -1)];
}
