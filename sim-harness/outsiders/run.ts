/**
 * Attacks on real agents in namespaces, one after the other: after each, every node is as it was, its memory and
 * descriptors are bounded, and its log says what was refused.
 */
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { MESH_PORT } from '../lab/config.ts';
import { bringUp, type Lab } from '../lab/index.ts';
import type { Attack, Scene } from './attack.ts';
import { FICKLE } from './attacks/fickle.ts';
import { GUESSES, HTTPS_PORT } from './attacks/guesses.ts';
import { HANDOFFS } from './attacks/handoffs.ts';
import { MEDDLERS } from './attacks/meddlers.ts';
import { PAGES } from './attacks/pages.ts';
import { RECONNECTS } from './attacks/reconnects.ts';
import { REPLAYS } from './attacks/replays.ts';
import { REPORTS } from './attacks/reports.ts';
import { SHARED } from './attacks/shared.ts';
import { STRANGERS } from './attacks/strangers.ts';
import { Rogue } from './rogue.ts';
import { changes, growthOf, type Measure, type Picture, picture } from './watch.ts';

export const ATTACKS: readonly Attack[] = [
  ...STRANGERS,
  ...HANDOFFS,
  ...FICKLE,
  ...SHARED,
  ...RECONNECTS,
  ...PAGES,
  ...MEDDLERS,
  ...REPORTS,
  ...REPLAYS,
  // Last: it uses up the lines that tell of wrong tokens for some seconds.
  ...GUESSES,
];

const NODES = ['node0', 'node1', 'node2'];
const LOOK_EVERY_MS = 100;
const COMES_TRUE_MS = 60_000;
/** An attack takes a minute at most on a slow machine, but for one that opens thousands of connections. */
const ATTACK_MAX_MS = 150_000;
const CONNECTION_MAX_MS = 40;
/** What an attack leaves behind goes by itself: half-open links, a peer that is shut out for half a minute. */
const CALM_MS = 60_000;
/** A node sums up every 10 s what it refuses over and over (`edge/mesh/refusals.ts`). */
const TOLD_MS = 20_000;

export type Outcome = {
  attack: string;
  seconds: number;
  /** What is not as it was, and what was let through. Empty: the attack did nothing. */
  violations: string[];
  /** The line of a log that tells of it; empty when none has to. */
  said: string;
  /** The largest of any agent. */
  growth: Record<Measure, number>;
};

export type Options = {
  attacks: readonly Attack[];
  connections: number;
  say?: (line: string) => void;
};

export async function outsiders({ attacks, connections, say }: Options): Promise<Outcome[]> {
  // A key for each attack: whom one has got shut out would say nothing in the next.
  const keys = await Promise.all(attacks.map(() => Rogue.newKey()));
  const idles = await Promise.all(keys.map(key => Rogue.start(key)));
  const members = idles.map(({ id }) => ({ id, addresses: [] }));
  await Promise.all(idles.map(rogue => rogue.stop()));
  const lab = await bringUp({
    // Its own: a lab that is brought up removes what is left of one of its name, and another tree may run these as well.
    name: `out${process.pid}`,
    nodes: NODES.length,
    driver: 'micro',
    net: 'netns',
    link: 'none',
    cores: 'none',
    mode: 'observe',
    members,
    settings: { http: { https: `[::]:${HTTPS_PORT}` } },
  });
  try {
    const { vm } = await lab.runVm('node0', { name: 'prey', memoryMib: 32 });
    await settled(lab);
    const outcomes: Outcome[] = [];
    for (const [i, attack] of attacks.entries()) {
      const outcome = await one(lab, attack, { vm, connections, key: keys[i] as Key });
      say?.(`${outcome.violations.length ? '✗' : '✓'} ${attack.name} (${outcome.seconds} s): ${attack.what}`);
      for (const violation of outcome.violations) say?.(`    ${violation}`);
      outcomes.push(outcome);
      // What comes after an agent that is gone would say nothing of its own.
      if (lab.nodes.some(node => !node.alive)) break;
    }
    return outcomes;
  } finally {
    await lab.down();
  }
}

type Key = Awaited<ReturnType<typeof Rogue.newKey>>;

async function one(
  lab: Lab,
  attack: Attack,
  { vm, connections, key }: { vm: string; connections: number; key: Key },
): Promise<Outcome> {
  const begunMs = performance.now();
  const violations: string[] = [];
  const before = await pictures(lab);
  const logs = new Map(lab.nodes.map(n => [n.name, statSync(n.state.log).size]));
  const rogues: Rogue[] = [];
  const elsewhere: string[] = [];
  const rogue = async (from: Promise<Key>) => {
    const made = await Rogue.start(await from);
    rogues.push(made);
    return made;
  };
  const targetOf = (name: string) => {
    const { state } = lab.node(name);
    return { id: state.peerId, address: state.address, port: MESH_PORT };
  };
  const scene: Scene = {
    lab,
    victim: lab.node('node0'),
    target: targetOf('node0'),
    targetOf,
    prey: vm,
    connections,
    member: () => rogue(Promise.resolve(key)),
    outsider: () => rogue(Rogue.newKey()),
    until: comesTrue,
    lines: (name = 'node0') => linesSince(lab.node(name).state.log, logs.get(name) ?? 0),
    told: text => void elsewhere.push(...text.split('\n')),
    blame: what => void violations.push(what),
  };
  try {
    await inTime(attack.run(scene), ATTACK_MAX_MS + connections * CONNECTION_MAX_MS);
  } catch (error) {
    violations.push(`the attack could not be carried out: ${inspect(error)}`);
  }
  await Promise.all(rogues.map(r => r.stop()));
  const { left, after } = await calm(lab, before, attack);
  violations.push(...left);
  const said =
    attack.said && (elsewhere.find(l => attack.said?.test(l)) ?? (await toldInTime(scene, attack.said)));
  if (attack.said && !said) violations.push(`no log says ${attack.said}`);
  const growths = after.map((p, i) => growthOf(before[i] as Picture, p));
  const growth = { ...growths[0] } as Outcome['growth'];
  for (const m of Object.keys(growth) as Measure[]) growth[m] = Math.max(...growths.map(g => g[m]));
  const seconds = Math.round((performance.now() - begunMs) / 100) / 10;
  return { attack: attack.name, seconds, violations, said: said ?? '', growth };
}

/**
 * Its timer holds the process too: those of `AbortSignal.timeout` do not, and one whose last link was cut while it waits
 * for an answer over it would end as if all had been done.
 */
async function inTime(run: Promise<void>, maxMs: number): Promise<void> {
  const over = new AbortController();
  const late = sleep(maxMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`it waits for something that does not come: not over within ${maxMs} ms`);
  });
  // Whichever comes second is nobody's.
  late.catch(() => undefined);
  await Promise.race([run, late]).finally(() => over.abort());
}

const pictures = (lab: Lab): Promise<Picture[]> => Promise.all(lab.nodes.map(n => picture(lab, n)));

/** Looks until all is as it was before; what is not after a minute stays a violation. */
async function calm(lab: Lab, before: Picture[], attack: Attack) {
  const untilMs = performance.now() + CALM_MS;
  for (;;) {
    const after = await pictures(lab).catch((error: Error) => error.message);
    const left =
      typeof after === 'string'
        ? [`a node does not answer: ${after}`]
        : after.flatMap((now, i) => changes(before[i] as Picture, now, attack.restarts, attack.leaves));
    if (left.length === 0 || performance.now() > untilMs)
      return { left, after: typeof after === 'string' ? before : after };
    await sleep(LOOK_EVERY_MS * 5);
  }
}

/** What was told of a moment ago for an attack before this one is told of again together, seconds later. */
async function toldInTime(scene: Scene, said: RegExp): Promise<string | undefined> {
  const untilMs = performance.now() + TOLD_MS;
  for (;;) {
    const line = told(scene, said);
    if (line !== undefined || performance.now() > untilMs) return line;
    await sleep(LOOK_EVERY_MS);
  }
}

function told(scene: Scene, said: RegExp): string | undefined {
  const lines = NODES.flatMap(node => scene.lines(node)).map(line => JSON.stringify(line));
  return lines.find(line => said.test(line));
}

function linesSince(log: string, from: number): Record<string, unknown>[] {
  const text = readFileSync(log).subarray(from).toString();
  return text.split('\n').flatMap(line => {
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      return [];
    }
  });
}

async function comesTrue<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const untilMs = performance.now() + COMES_TRUE_MS;
  for (;;) {
    const found = await Promise.resolve(look()).catch(() => undefined);
    if (found) return found;
    if (performance.now() > untilMs) throw new Error(`not within ${COMES_TRUE_MS} ms: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** All nodes know that the prey runs on node0. */
async function settled(lab: Lab): Promise<void> {
  await comesTrue('all nodes know of the VM', async () => {
    const all = await pictures(lab);
    return all.every(p => p.vms.some(v => v.startsWith('prey node0 running')) && p.vms.length === 1);
  });
}
