/**
 * What goes wrong in a run, by its seed. Each run has some kinds of faults and not others: a mix of everything would
 * hide what only shows while the rest works.
 */
import type { Cluster } from './cluster.ts';
import type { Odds } from './world/chance.ts';
import type { Machine } from './world/machine.ts';
import type { Weather } from './world/network.ts';
import type { StrikeKind, Strikes } from './world/world.ts';

/** Things that somebody or something does, one every so often. */
export type Deed =
  | 'load'
  | 'move'
  | 'cancel'
  | 'agent-crash'
  | 'vmm-death'
  | 'pages-death'
  | 'cut'
  | 'cut-one-way'
  | 'heal'
  | 'reboot'
  | 'host-dies';

export type Mix = { strikes: Strikes; weather: Weather; deeds: [Deed, number][]; everyMs: number };

/** Shares at their highest. */
const STRIKES: Strikes = {
  'stream-break': 0.08,
  'cont-refused': 0.3,
  'crash-at-call': 0.01,
  'write-failed': 0.1,
  'write-hidden': 0.1,
  'write-kept': 0.1,
  'start-failed': 0.1,
};

const DEEDS: Record<Deed, number> = {
  load: 3,
  move: 6,
  cancel: 1,
  'agent-crash': 2,
  'vmm-death': 1,
  'pages-death': 1,
  cut: 1,
  'cut-one-way': 1,
  heal: 3,
  reboot: 0.5,
  'host-dies': 0.1,
};
const ALWAYS: readonly Deed[] = ['load', 'move', 'heal'];

export function mixOf(chance: Odds): Mix {
  const maybe = (share: number, max: number) => (chance.happens(share) ? chance.between(0, max) : 0);
  const strikes: Strikes = {};
  for (const [kind, max] of Object.entries(STRIKES)) strikes[kind as StrikeKind] = maybe(0.4, max);
  const weather = { loss: maybe(0.5, 0.3), duplicate: maybe(0.5, 0.3), late: maybe(0.5, 0.2) };
  const deeds = (Object.entries(DEEDS) as [Deed, number][])
    .filter(([deed]) => ALWAYS.includes(deed) || chance.happens(0.5))
    // Where links are seldom mended, a cut outlasts every deadline.
    .map(([deed, weight]): [Deed, number] => [deed, weight * chance.between(0.1, 1)]);
  return { strikes, weather, deeds, everyMs: chance.between(150, 800) };
}

/** Does one thing of the mix. */
export function strike(cluster: Cluster, { deeds }: Mix): void {
  const { chance } = cluster.world;
  let left = chance.between(
    0,
    deeds.reduce((sum, [, weight]) => sum + weight, 0),
  );
  const found = deeds.find(([, weight]) => {
    left -= weight;
    return left < 0;
  });
  if (found) DO[found[0]](cluster, chance);
}

/** Faults in the middle of a handoff are the ones that matter. */
function busy(cluster: Cluster, chance: Odds): Machine {
  const { machines } = cluster.world;
  const on = machines.filter(m => m.power === 'on');
  const moving = on.filter(m => m.sessions.size > 0);
  return chance.pick(moving.length > 0 && chance.happens(0.8) ? moving : on.length > 0 ? on : machines);
}

const DO: Record<Deed, (cluster: Cluster, chance: Odds) => void> = {
  load({ world, specs }, chance) {
    const { vm, name } = chance.pick([...specs.values()]);
    const milli = Math.round(chance.pick([0, 20, 100, 300, 600, 1000]));
    world.log.line('world', `load of ${name}: ${milli}`);
    world.setLoad(vm, milli);
  },

  move(cluster, chance) {
    const { name } = chance.pick([...cluster.specs.values()]);
    const target = chance.pick(cluster.world.machines);
    cluster.move(name, target.name);
  },

  cancel(cluster, chance) {
    const { vm, name } = chance.pick([...cluster.specs.values()]);
    const agent = chance.pick(cluster.agents);
    if (!agent.node?.handoffs.cancel(vm)) return;
    cluster.world.happened('cancel');
    cluster.world.log.line('world', `handoff of ${name} is cancelled on ${agent.machine.name}`);
  },

  'agent-crash'(cluster, chance) {
    const all = chance.happens(0.1);
    const victims = all ? cluster.agents : [cluster.agent(busy(cluster, chance).name)];
    for (const agent of victims) {
      if (!agent.up) continue;
      cluster.world.happened('agent-crash');
      agent.crash('killed');
    }
  },

  'vmm-death'(cluster, chance) {
    const vmms = [...busy(cluster, chance).vmms.values()];
    // More, and the VM is left as crashed: that is no fault to look for here.
    const mortal = vmms.filter(v => cluster.world.truth.faultDeaths(v.spec.vm) < 3);
    if (mortal.length === 0) return;
    cluster.world.happened('vmm-death');
    chance.pick(mortal).end('killed');
  },

  'pages-death'(cluster, chance) {
    const all = cluster.world.machines.flatMap(m => m.pageProcesses());
    if (all.length === 0) return;
    cluster.world.happened('pages-death');
    chance.pick(all).end('killed');
  },

  cut(cluster, chance) {
    const [a, b] = [busy(cluster, chance), chance.pick(cluster.world.machines)];
    if (a === b) return;
    cluster.world.happened('cut');
    cluster.cut(a.name, b.name, 'both');
  },

  'cut-one-way'(cluster, chance) {
    const [a, b] = [busy(cluster, chance), chance.pick(cluster.world.machines)];
    if (a === b) return;
    cluster.world.happened('cut-one-way');
    cluster.cut(a.name, b.name, 'one');
  },

  heal(cluster) {
    cluster.world.log.line('world', 'all links are whole');
    cluster.world.network.healAll();
  },

  reboot(cluster, chance) {
    cluster.world.happened('reboot');
    cluster.powerCut(busy(cluster, chance).name, chance.between(500, 8000));
  },

  'host-dies'(cluster, chance) {
    if (cluster.world.machines.some(m => m.power === 'off for good')) return;
    cluster.world.happened('host-dies');
    cluster.powerCut(busy(cluster, chance).name, undefined);
  },
};
