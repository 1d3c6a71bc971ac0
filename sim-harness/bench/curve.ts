/**
 * `npm run bench -- curve`: what the bulk window trades, page payload a second as a share of raw TCP against how much longer
 * than a round trip an urgent page takes. Options: bench-table.ts. One VM goes to and fro, once per window and kind of link in
 * each turn; raw TCP and the round trip are measured right before each move, the same way, on the same link, idle.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { Ballast } from './ballast.ts';
import { curveChart } from './curve-chart.ts';
import {
  armName,
  type CurveArm,
  type CurvePoint,
  curvePoint,
  curveRow,
  curveTable,
} from './curve-figures.ts';
import { directMove } from './direct-move.ts';
import type { Run } from './figures-table.ts';
import { TICK_MS } from './guest-figures.ts';
import { linkFigures } from './link-figures.ts';
import { bring, DIRECT, isDirect, oneMove } from './one-move.ts';
import { bad, choices, fits, link, number, windows } from './options.ts';
import { RULE, worst } from './others.ts';
import { QemuPair } from './qemu-pair.ts';
import { discardedText, exitCode, jsonText, keptOf, oddWarning, TRIES, takeTurns } from './take-turns.ts';
import { parse } from './usage.ts';

const RAW_SECONDS = 2;
/** Beside the transfer and the check of the memory: what is measured of the link, and the guest's steady time. */
const PER_MOVE_S = 11;
const CHECKED_MIB_PER_S = 100;
const LINK_MIB_PER_S = 112;
const BEGIN_S = 20;

const NOTES = `- = not measured. qemu-postcopy rides the encrypted channel of the page servers, which see no faults of it. qemu-direct and
qemu-preempt (postcopy-preempt) go from QEMU to QEMU over plain TCP without agents: of waits QEMU 7.2 tells the mean alone, the
vCPU's blocktime over the pages that were asked for. The round trip is the least that the kernel saw.
`;
type OtherEngine = Exclude<CurveArm['engine'], 'postcopy'>;
/** A point, and of the move that it is of: where it went, and who else was on the cores. */
type Kept = CurvePoint & Pick<Run, 'from' | 'to' | 'strangersShare' | 'strangersCores'>;

export async function run(args: string[]): Promise<number> {
  const { arms, rate, memory, filled, load, runs, preempt, svg, json } = wishesOf(args);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const perMove = PER_MOVE_S + filled / CHECKED_MIB_PER_S + filled / LINK_MIB_PER_S;
  const moves = arms.length * (runs + 1);
  const minutes = Math.ceil((BEGIN_S + moves * perMove) / 60);
  say(`${moves} moves with the turn that warms up, about ${minutes} minutes on a quiet machine at 1gbit`);
  say(`a move in which ${RULE} is discarded, and made again at most ${TRIES - 1} times`);
  for (const line of oddWarning(runs)) say(line);
  const options = { name: 'curve', nodes: 2, driver: 'qemu', net: 'netns', cores: 'own' } as const;
  const lab = await bringUp({ ...options, link: rate, mode: 'observe' }, say);
  let pair: QemuPair | undefined;
  try {
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}`, 120_000);
    await guest.command('load 0');
    if (preempt) {
      pair = await QemuPair.boot(lab, memory);
      await pair.guest.command(`fill ${filled}`, 120_000);
      await pair.guest.command('load 0');
    }
    const ballast = new Ballast(lab.node('node0').ramDir, filled);
    const { turns, discarded, badPages } = await takeTurns<CurveArm, Kept>({
      ...{ arms, runs, say, name: armName },
      vmOf: ({ engine }) => (isDirect(engine) ? 'direct' : 'bench'),
      bring: ({ engine }, from) =>
        isDirect(engine) && pair ? pair.bring(`node${from}`) : bring(lab, `node${from}`),
      move: (arm, from) => onePoint(lab, { guest, pair, ballast, rate, load }, arm, from),
    });
    const rows = arms.map(arm => curveRow(arm, keptOf(turns, arm)));
    if (svg) writeFileSync(svg, curveChart(rows));
    const vm = { memoryMib: memory, filledMib: filled, loadPercent: load };
    const points = arms.map(arm => ({ arm, points: keptOf(turns, arm) }));
    const report = { machine: machineFacts(), link: rate, vm, discarded, badPages, rows, points };
    process.stdout.write(
      json ? jsonText(report) : `${curveTable(rows)}${NOTES}${discardedText(discarded, RULE)}`,
    );
    return exitCode(
      badPages,
      rows.every(row => row.runs === runs),
    );
  } finally {
    await pair?.end();
    await lab.down();
  }
}

function wishesOf(args: string[]) {
  const values = parse('curve', args);
  const others = [...(values.qemu ? ['qemu-postcopy' as const] : []), ...(values.preempt ? DIRECT : [])];
  const wishes = {
    arms: armsOf(
      windows('--windows', values.windows),
      choices('--classes', values.classes, ['fifo', 'htb']),
      others,
    ),
    rate: link('--link', values.link, false),
    memory: number('--memory', values.memory, 65_536),
    filled: number('--filled', values.filled, 65_536),
    load: number('--load', values.load, 100),
    runs: number('--runs', values.runs, 1000),
    ...{ preempt: values.preempt, svg: values.svg, json: values.json },
  };
  fits(wishes.filled, wishes.memory);
  if (wishes.svg !== undefined && !existsSync(dirname(wishes.svg)))
    throw bad(`there is no directory ${dirname(wishes.svg)}`, '--svg', 'Make it, or name another file');
  return wishes;
}

/** Every window on every kind of link, then QEMU's own there. Pure. */
export function armsOf(
  sizes: readonly number[],
  kinds: readonly CurveArm['kind'][],
  others: readonly OtherEngine[],
): CurveArm[] {
  return kinds.flatMap(kind => [
    ...sizes.map(window => ({ kind, engine: 'postcopy', window }) as const),
    ...others.map(engine => ({ kind, engine })),
  ]);
}

type Guests = {
  guest: GuestPort;
  pair: QemuPair | undefined;
  ballast: Ballast;
  rate: string;
  load: number;
};

async function onePoint(
  lab: Lab,
  { guest: ours, pair, ballast, rate, load }: Guests,
  arm: CurveArm,
  from: 0 | 1,
) {
  await lab.reshape(rate, arm.kind);
  const { link, others: before } = await linkFigures(lab, RAW_SECONDS, from);
  const guest = isDirect(arm.engine) && pair ? pair.guest : ours;
  await guest.command(`load ${load}`);
  await guest.command(`ticks ${TICK_MS}`);
  try {
    const { result, others } =
      isDirect(arm.engine) && pair
        ? await directMove(lab, pair, arm.engine === 'qemu-preempt', { ballast })
        : await oneMove(lab, guest, ourArm(arm), { ballast });
    // The class was made anew for this move.
    const urgentMb = (await lab.urgentClassBytes()) / 1e6;
    const point = curvePoint(result, link);
    const all = worst([before, others]);
    const { from: here, to } = result;
    return {
      result: { ...point, from: here, to, strangersShare: all.share, strangersCores: all.cores },
      others: all,
      badPages: result.badPages,
      said: `${point.share} of ${point.rawTcpMbit} Mbit/s, faults ${point.faults}, over a round trip of ${point.rttUs} us p50 ${point.p50OverUs} p99 ${point.p99OverUs} mean ${point.meanOverUs} us, ${urgentMb.toFixed(1)} MB by the urgent class`,
    };
  } finally {
    // The other guest of the two stands meanwhile. One that is gone is no other error than the one on its way.
    for (const line of ['load 0', 'ticks 0']) await guest.command(line).catch(() => '');
  }
}

const ourArm = (arm: CurveArm) =>
  arm.engine === 'postcopy' ? (`postcopy:window-${arm.window}` as const) : 'qemu-postcopy';
