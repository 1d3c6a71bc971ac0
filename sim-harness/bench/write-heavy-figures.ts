/** Engines against a guest that writes faster than the link carries. Pure. */
import { lined } from './curve-figures.ts';
import type { Run } from './one-move.ts';
import { median } from './statistics.ts';

export const HEAVY_ENGINES = ['postcopy', 'warm', 'precopy', 'qemu-postcopy'] as const;
export type HeavyArm = { engine: (typeof HEAVY_ENGINES)[number]; guest: 'quiet' | 'heavy' };
/** A move, or how it ended instead. */
export type HeavyMove = Run | { ended: string };

const PAGE_BITS = 4096 * 8;
const FIGURES = [
  'totalMs',
  'switchMs',
  'blackoutMs',
  'transferMs',
  'guestGapMs',
  'guestWorkLost',
  'badPages',
] as const;

export type HeavyRow = Record<(typeof FIGURES)[number], number> & {
  arm: HeavyArm;
  runs: number;
  /** Those that did not end in time, and what is said of them. */
  unended: number;
  ended: string;
  /** What the guest visits a second, and where it writes heavily rewrites, over what the link carries. */
  visitedOverLink: number;
  /** Bytes on all connections over the memory that has data. */
  wireOverData: number;
};

/** Medians of the moves that ended; -1 where none did. */
export function heavyRow(arm: HeavyArm, moves: readonly HeavyMove[], rawTcpMbit: number): HeavyRow {
  const done = moves.flatMap(move => ('ended' in move ? [] : [move]));
  const late = moves.flatMap(move => ('ended' in move ? [move.ended] : []));
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  const of = (figure: (run: Run) => number, digits = 1) => round(median(done.map(figure)), digits);
  const figures = Object.fromEntries(FIGURES.map(key => [key, of(run => run[key], 3)]));
  return {
    ...{ arm, runs: moves.length, unended: late.length, ended: late[0] ?? '' },
    ...(figures as Record<(typeof FIGURES)[number], number>),
    visitedOverLink: of(run => (run.guestPagesPerS * PAGE_BITS) / 1e6 / rawTcpMbit, 2),
    wireOverData: of(run => run.wireBytes / run.dataBytes, 4),
  };
}

export function heavyTable(rows: readonly HeavyRow[]): string {
  const shown = (value: number) => (value === -1 ? '-' : String(value));
  const titles = [
    'total ms',
    'switch ms',
    'blackout ms',
    'transfer ms',
    'guest gap ms',
    'work lost s',
    'bad pages',
  ];
  return lined([
    ['engine', 'guest', 'runs', ...titles, 'visits/link', 'wire/data', 'not ended'],
    ...rows.map(row => [
      ...[row.arm.engine, row.arm.guest, String(row.runs)],
      ...FIGURES.map(key => shown(row[key])),
      ...[shown(row.visitedOverLink), shown(row.wireOverData)],
      row.unended > 0 ? `${row.unended}: ${row.ended}` : '',
    ]),
  ]);
}
