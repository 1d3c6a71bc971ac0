/**
 * `npm run bench -- handoff`: one VM goes to and fro between two nodes of a core each, the arms in turns, under a steady load of
 * its own; its figures are compared within each turn. Options: bench-table.ts; figures: figures-table.ts.
 * The guest reads pages of all its memory at random, the worst there is for post-copy, or of the first `--hot` MiB.
 */
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { Ballast } from './ballast.ts';
import { directMove } from './direct-move.ts';
import { FIGURES, type Figures, type Run } from './figures-table.ts';
import { LOSS_10S_MS, TICK_MS } from './guest-figures.ts';
import { handoffArms } from './handoff-arms.ts';
import { armTitle, handoffTable, summary } from './handoff-text.ts';
import { type RawTcp, rawTcpBothWays, rawText } from './link-figures.ts';
import { type Arm, bring, isDirect, oneMove } from './one-move.ts';
import { bad, fits, link, number } from './options.ts';
import { RULE } from './others.ts';
import { ratios, ratioText } from './pairs.ts';
import { QemuPair } from './qemu-pair.ts';
import { discardedText, exitCode, jsonText, keptOf, oddWarning, takeTurns } from './take-turns.ts';
import { parse } from './usage.ts';

const NEIGHBOUR_MIB = 128;
const RAW_SECONDS = 3;
/** Of a neighbour, whose work is counted over seconds: each costs the core that is measured. */
const NEIGHBOUR_TICK_MS = 50;

type Wishes = ReturnType<typeof wishesOf>;

export async function run(args: string[]): Promise<number> {
  const wishes = wishesOf(args);
  const { arms, memory, runs, rate } = wishes;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  for (const line of oddWarning(runs)) say(line);
  const lab = await bringUp(
    {
      ...{ name: 'bench', nodes: 2, driver: 'qemu', net: 'netns', link: rate },
      ...{ cores: 'own', mode: 'observe' },
    },
    say,
  );
  let pair: QemuPair | undefined;
  try {
    const raw = await rawTcpBothWays(lab, RAW_SECONDS, say);
    say(rawText({ rate, rawTcpMbit: raw }).trimEnd());
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await prepare(guest, wishes);
    if (arms.some(isDirect)) {
      pair = await QemuPair.boot(lab, memory);
      await prepare(pair.guest, wishes);
    }
    const neighbours = wishes.neighbour ? await bringNeighbours(lab) : [];
    const ballast = new Ballast(lab.node('node0').ramDir, wishes.filled);
    const took = await takeTurns<Arm, Run>({
      ...{ arms, runs, say },
      name: armTitle,
      vmOf: arm => (isDirect(arm) ? 'direct' : 'bench'),
      bring: (arm, from) => (isDirect(arm) && pair ? pair.bring(`node${from}`) : bring(lab, `node${from}`)),
      move: arm => oneArm(lab, { guest, pair, neighbours, ballast }, arm, wishes.load),
    });
    return report(took, wishes, { rate, rawTcpMbit: raw });
  } finally {
    await pair?.end();
    await lab.down();
  }
}

function wishesOf(args: string[]) {
  const values = parse('handoff', args);
  const wishes = {
    arms: handoffArms(values),
    rate: link('--link', values.link),
    memory: number('--memory', values.memory, 65_536),
    filled: number('--filled', values.filled, 65_536),
    load: number('--load', values.load, 100),
    runs: number('--runs', values.runs, 1000),
    touch: number('--touch', values.touch, 1_000_000, 0),
    hot: number('--hot', values.hot, 65_536, 0),
    ...{ text: values.text, neighbour: values.neighbour, json: values.json },
  };
  fits(wishes.filled, wishes.memory);
  if (wishes.hot > wishes.filled)
    throw bad(`${wishes.hot} MiB are more than is filled`, '--hot', 'Say less, or 0 for all of it');
  return wishes;
}

/** At rest until its turn. */
async function prepare(guest: GuestPort, { filled, text, touch, hot }: Wishes): Promise<void> {
  await guest.command(`fill ${filled}${text ? ' text' : ''}`, 120_000);
  await guest.command(`touch ${touch} ${hot > 0 ? hot : 'all'}`);
  await guest.command('load 0');
}

type Guests = {
  guest: GuestPort;
  pair: QemuPair | undefined;
  neighbours: readonly GuestPort[];
  ballast: Ballast;
};

/** The guest of the other VM stands meanwhile. */
async function oneArm(lab: Lab, { guest: ours, pair, ...around }: Guests, arm: Arm, load: number) {
  const guest = isDirect(arm) && pair ? pair.guest : ours;
  await guest.command(`load ${load}`);
  await guest.command(`ticks ${TICK_MS}`);
  const wishes = { ...around, lossMs: LOSS_10S_MS };
  try {
    const { result, others } = !isDirect(arm)
      ? await oneMove(lab, guest, arm, wishes)
      : await directMove(lab, pair as QemuPair, arm === 'qemu-preempt', wishes);
    const packed = `${mb(result.packedFromBytes)} packed to ${mb(result.packedBytes)}`;
    const said = `switch ${result.switchMs} ms, blackout ${result.blackoutMs} ms, transfer ${result.transferMs} ms, ${mb(result.wireBytes)} (${packed}), gap ${result.guestGapMs} ms, work lost ${result.guestWorkLost} s, of ten seconds ${result.guestWorkLost10s} s`;
    return { result, others, badPages: result.badPages, said };
  } finally {
    await rest(guest);
  }
}

/** A guest that is gone is no other error than the one that is on its way. */
async function rest(guest: GuestPort): Promise<void> {
  for (const line of ['load 0', 'ticks 0']) await guest.command(line).catch(() => '');
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Prints all, answers the exit code. */
function report(
  { turns, discarded, badPages }: Awaited<ReturnType<typeof takeTurns<Arm, Run>>>,
  { arms, runs, json, ...wishes }: Wishes,
  link: { rate: string; rawTcpMbit: RawTcp },
): number {
  const kept = arms.map(arm => ({ arm, runs: keptOf(turns, arm) }));
  const pairs = turns.map(turn => Object.fromEntries(turn) as Partial<Record<Arm, Run>>);
  const compared = ratios(pairs, arms);
  const keys = Object.keys(FIGURES) as (keyof Figures)[];
  const vm = {
    memoryMib: wishes.memory,
    filledMib: wishes.filled,
    text: wishes.text,
    loadPercent: wishes.load,
    touchPagesPerS: wishes.touch,
    hotMib: wishes.hot,
    neighbour: wishes.neighbour,
  };
  const results = kept.map(({ arm, runs: of }) => summary(arm, of, keys));
  const all = { machine: machineFacts(), link, vm, discarded, badPages, results, pairs, ratios: compared };
  const lines = compared.map(found => `${ratioText(found)}\n`).join('');
  process.stdout.write(
    json ? jsonText(all) : `${rawText(link)}${handoffTable(kept)}${lines}${discardedText(discarded, RULE)}`,
  );
  return exitCode(
    badPages,
    kept.every(({ runs: of }) => of.length === runs),
  );
}

/** One on each node, which never leaves it. */
async function bringNeighbours(lab: Lab): Promise<GuestPort[]> {
  const guests: GuestPort[] = [];
  for (const { name } of lab.nodes) {
    const vm = `neighbour-${name}`;
    await lab.runVm(name, { name: vm, memoryMib: NEIGHBOUR_MIB, migration: 'never' });
    const guest = await lab.guest(vm);
    await guest.command(`ticks ${NEIGHBOUR_TICK_MS}`);
    guests.push(guest);
  }
  return guests;
}
