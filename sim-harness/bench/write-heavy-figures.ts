/** Engines against a guest that writes faster than the link carries. Pure. */
import { lined } from './curve-figures.ts';
import type { Run } from './figures-table.ts';
import { type Middle, middle, middleText } from './statistics.ts';

export const HEAVY_ENGINES = ['postcopy', 'warm', 'precopy', 'qemu-postcopy'] as const;
export type HeavyArm = { engine: (typeof HEAVY_ENGINES)[number]; guest: 'quiet' | 'heavy' };
/** A move, or how it ended instead. */
export type HeavyMove =
  | Run
  | ({ ended: string } & Pick<Run, 'from' | 'to' | 'strangersShare' | 'strangersCores'>);

const PAGE_BITS = 4096 * 8;
const SHOWN = [
  ['totalMs', 'total ms'],
  ['switchMs', 'switch ms'],
  ['blackoutMs', 'blackout ms'],
  ['transferMs', 'transfer ms'],
  ['guestGapMs', 'guest gap ms'],
  ['guestWorkLost', 'work lost s'],
  ['guestWorkLost10s', 'lost in 10 s after s'],
] as const satisfies readonly (readonly [keyof Run, string])[];
type Shown = (typeof SHOWN)[number][0];

export type HeavyRow = {
  arm: HeavyArm;
  runs: number;
  /** Those that did not end in time, and what is said of them. */
  unended: number;
  ended: string;
  /** Of all moves together. */
  badPages: number;
  /** Of the moves that ended. */
  figures: Record<Shown, Middle>;
  /** What the guest visits a second, and where it writes heavily rewrites, over what the link carries the way it went. */
  visitedOverLink: Middle;
  /** Bytes on all connections over the memory that has data. */
  wireOverData: Middle;
};

/** `rawMbit`: of the link, from a node of that name. */
export function heavyRow(
  arm: HeavyArm,
  moves: readonly HeavyMove[],
  rawMbit: (from: string) => number,
): HeavyRow {
  const done = moves.flatMap(move => ('ended' in move ? [] : [move]));
  const late = moves.flatMap(move => ('ended' in move ? [move.ended] : []));
  const of = (figure: (run: Run) => number): Middle => middle(done.map(figure));
  const figures = Object.fromEntries(SHOWN.map(([key]) => [key, of(run => run[key])]));
  return {
    ...{ arm, runs: moves.length, unended: late.length, ended: late[0] ?? '' },
    badPages: done.reduce((sum, run) => sum + run.badPages, 0),
    figures: figures as HeavyRow['figures'],
    visitedOverLink: of(run => (run.guestPagesPerS * PAGE_BITS) / 1e6 / rawMbit(run.from)),
    wireOverData: of(run => run.wireBytes / run.dataBytes),
  };
}

/** Medians with their 95 % bounds where there are runs enough. */
export function heavyTable(rows: readonly HeavyRow[]): string {
  const to = (digits: number) => (value: number) => String(Number(value.toFixed(digits)));
  const titles = [...SHOWN.map(([, title]) => title), 'bad pages', 'visits/link', 'wire/data', 'not ended'];
  return lined([
    ['engine', 'guest', 'runs', ...titles],
    ...rows.map(row => [
      ...[row.arm.engine, row.arm.guest, String(row.runs)],
      ...SHOWN.map(([key]) => middleText(row.figures[key], to(3))),
      ...[String(row.badPages), middleText(row.visitedOverLink, to(2)), middleText(row.wireOverData, to(4))],
      row.unended > 0 ? `${row.unended}: ${row.ended}` : '',
    ]),
  ]);
}
