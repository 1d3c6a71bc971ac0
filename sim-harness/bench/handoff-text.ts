/** What `bench handoff` prints for people. Pure. */
import { lined } from './curve-figures.ts';
import type { Figures, Run } from './figures-table.ts';
import type { Arm } from './one-move.ts';
import { bounds, type Middle, measured, middle, middleText } from './statistics.ts';

type Shown = [title: string, of: (run: Run) => number, digits: number];

const of = (key: keyof Figures, title: string, digits: number, unit = 1): Shown => [
  title,
  run => (run[key] === -1 ? -1 : run[key] / unit),
  digits,
];
const ROWS: Shown[] = [
  of('switchMs', 'switch ms', 1),
  of('blackoutMs', 'blackout ms', 1),
  of('transferMs', 'transfer ms', 0),
  of('totalMs', 'in all ms', 0),
  of('guestGapMs', 'guest gap ms', 1),
  of('guestWorkLost', 'work lost s', 2),
  of('guestWorkLost10s', 'lost in 10 s after s', 2),
  of('guestPagesPerS', 'pages/s on source', 0),
  of('guestPagesPerSAfter', 'pages/s on target', 0),
  of('faults', 'faults', 0),
  of('faultMeanUs', 'fault mean us', 0),
  of('faultP50Us', 'fault p50 us', 0),
  of('faultP99Us', 'fault p99 us', 0),
  of('wireBytes', 'on the wire MB', 1, 1e6),
  of('dataBytes', 'data MB', 1, 1e6),
  of('packedFromBytes', 'packed MB', 1, 1e6),
  of('packedBytes', 'packed to MB', 1, 1e6),
  of('cpuS', 'page servers CPU s', 2),
  of('sourceCpuSPerGb', 'source CPU s/GB', 2),
  of('neighbourLostSPerGb', 'neighbour lost s/GB', 2),
];

/** So that QEMU's own engine, which comes twice, cannot be mistaken. */
export const armTitle = (arm: Arm): string => {
  if (arm === 'qemu-postcopy') return "qemu-postcopy over Shoal's channel";
  return arm === 'qemu-direct' || arm === 'qemu-preempt' ? `${arm} (plain TCP)` : arm;
};

/** A column for each arm: medians, with their 95 % bounds where there are runs enough for them. */
export function handoffTable(arms: readonly { arm: Arm; runs: readonly Run[] }[]): string {
  const shown = ([, figure, digits]: Shown) =>
    arms.map(({ runs }) =>
      middleText(middle(runs.map(figure)), value => String(Number(value.toFixed(digits)))),
    );
  const count = (value: (runs: readonly Run[]) => string | number) =>
    arms.map(({ runs }) => String(value(runs)));
  return lined([
    ['', ...arms.map(({ arm }) => armTitle(arm))],
    ['runs', ...count(runs => runs.length)],
    ...ROWS.map(row => [row[0], ...shown(row)]),
    ['bad pages', ...count(runs => runs.reduce((sum, run) => sum + run.badPages, 0))],
    ['others at most %', ...count(runs => Math.round(100 * Math.max(0, ...runs.map(r => r.strangersShare))))],
  ]);
}

type Spread = Pick<Middle, 'low' | 'high'> & { min: number; max: number };

/** Medians of what was measured, -1 of what was not, and `spread` of each; bad pages of all runs together. */
export function summary(arm: Arm, runs: readonly Run[], figures: readonly (keyof Figures)[]) {
  const values = (key: keyof Figures) => runs.map(run => run[key]);
  const medians = figures.map(key => [key, middle(values(key)).median]);
  const spread = figures.map((key): [string, Spread] => {
    const { low, high } = middle(values(key));
    return [key, { ...bounds(measured(values(key))), low, high }];
  });
  return {
    ...{ engine: arm, runs: runs.length },
    ...(Object.fromEntries(medians) as Figures),
    badPages: values('badPages').reduce((a, b) => a + b, 0),
    spread: Object.fromEntries(spread),
  };
}
