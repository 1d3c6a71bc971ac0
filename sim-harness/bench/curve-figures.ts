/** The two things that a bulk window is chosen between, out of one move and what the link was like just before it. Pure. */
import type { LinkClass } from '../lab/index.ts';
import type { Run } from './one-move.ts';
import { windowName } from './options.ts';
import { median, medianBounds } from './statistics.ts';

/** `window` in bytes of bulk in flight, 0 = it adapts; QEMU has none. */
export type CurveArm =
  | { kind: LinkClass; engine: 'postcopy'; window: number }
  /** Over our channel; from QEMU to QEMU, without agents; and so with `postcopy-preempt`. */
  | { kind: LinkClass; engine: 'qemu-postcopy' | 'qemu-direct' | 'qemu-preempt' };

/** What of a move makes a point. */
export type Moved = Pick<
  Run,
  | 'dataBytes'
  | 'transferMs'
  | 'wireBytes'
  | 'bulkBytes'
  | 'urgentBytes'
  | 'faults'
  | 'faultMeanUs'
  | 'faultP50Us'
  | 'faultP99Us'
  | 'guestGapMs'
  | 'guestWorkLost'
  | 'badPages'
>;

/** Of the link, idle, in the same run: one plain TCP stream, and the least round trip that the kernel saw. */
export type LinkFigures = { rawTcpMbit: number; rttUs: number };

export type CurvePoint = LinkFigures & {
  goodputMbit: number;
  /** Page payload a second over that of raw TCP. */
  share: number;
  /** How much of it nobody had asked for. */
  bulkPart: number;
  faults: number;
  /** Over the round trip; -1 where the page server sees no faults. */
  meanOverUs: number;
  p50OverUs: number;
  p99OverUs: number;
  guestGapMs: number;
  guestWorkLost: number;
  wireOverData: number;
  badPages: number;
};

const round = (value: number, digits = 3) => Number(value.toFixed(digits));

export function curvePoint(run: Moved, link: LinkFigures): CurvePoint {
  const goodputMbit = (run.dataBytes * 8) / 1000 / run.transferMs;
  const over = (us: number) => (run.faults > 0 && us >= 0 ? Math.round(us - link.rttUs) : -1);
  return {
    ...link,
    goodputMbit: round(goodputMbit, 1),
    share: round(goodputMbit / link.rawTcpMbit),
    bulkPart: run.faults > 0 ? round(run.bulkBytes / (run.bulkBytes + run.urgentBytes)) : -1,
    faults: run.faults,
    meanOverUs: over(run.faultMeanUs),
    p50OverUs: over(run.faultP50Us),
    p99OverUs: over(run.faultP99Us),
    guestGapMs: run.guestGapMs,
    guestWorkLost: run.guestWorkLost,
    wireOverData: round(run.wireBytes / run.dataBytes, 4),
    badPages: run.badPages,
  };
}

export const armName = (arm: CurveArm): string =>
  `${arm.kind} ${arm.engine === 'postcopy' ? windowName(arm.window) : arm.engine}`;

/** `low` and `high`: the 95 % bounds of the median; -1 below six runs. */
export type Middle = { median: number; low: number; high: number };
/** `badPages`: of all runs together. */
export type CurveRow = {
  arm: CurveArm;
  runs: number;
  badPages: number;
  figures: Record<keyof CurvePoint, Middle>;
};

export function curveRow(arm: CurveArm, points: readonly CurvePoint[]): CurveRow {
  const keys = Object.keys(points[0] ?? {}) as (keyof CurvePoint)[];
  const middle = (values: number[]): Middle => ({
    median: median(values),
    ...(medianBounds(values) ?? { low: -1, high: -1 }),
  });
  const figures = Object.fromEntries(keys.map(key => [key, middle(points.map(p => p[key]))]));
  const badPages = points.reduce((sum, point) => sum + point.badPages, 0);
  return { arm, runs: points.length, badPages, figures: figures as CurveRow['figures'] };
}

/** Where the point must stand (docs/design/page-server.md). */
export const WANTED = {
  share: 0.97,
  p50OverUs: { fifo: 500, htb: 150 },
  p99OverUs: { fifo: 3000, htb: 2000 },
} as const;

/** By the medians, of one row. What it misses, by name; nothing = it stands. */
export function missed({ arm, figures }: CurveRow): string[] {
  const { share, p50OverUs, p99OverUs } = figures;
  return [
    ...(share.median < WANTED.share ? ['goodput'] : []),
    ...(p50OverUs.median > WANTED.p50OverUs[arm.kind] ? ['p50'] : []),
    ...(p99OverUs.median > WANTED.p99OverUs[arm.kind] ? ['p99'] : []),
  ];
}

const COLUMNS = [
  ['share', 'of raw TCP'],
  ['p50OverUs', 'p50-RTT us'],
  ['p99OverUs', 'p99-RTT us'],
  ['meanOverUs', 'mean-RTT us'],
  ['bulkPart', 'unasked'],
  ['faults', 'faults'],
  ['rawTcpMbit', 'raw Mbit/s'],
  ['rttUs', 'RTT us'],
  ['guestGapMs', 'guest gap ms'],
  ['guestWorkLost', 'work lost s'],
] as const satisfies readonly (readonly [keyof CurvePoint, string])[];

/** Lined up; `-` = not measured there. */
export function curveTable(rows: readonly CurveRow[]): string {
  const cell = ({ median, low, high }: Middle) =>
    median === -1 ? '-' : low === -1 ? `${median}` : `${median} (${low} to ${high})`;
  const lines = [
    ['arm', 'runs', ...COLUMNS.map(([, title]) => title), 'bad pages', 'misses'],
    ...rows
      .filter(row => row.runs > 0)
      .map(row => [
        armName(row.arm),
        String(row.runs),
        ...COLUMNS.map(([key]) => cell(row.figures[key])),
        String(row.badPages),
        row.arm.engine === 'postcopy' ? missed(row).join(' ') || 'nothing' : '-',
      ]),
  ];
  return lined(lines);
}

export function lined(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map(line => line[i]?.length ?? 0)));
  return `${lines
    .map(line =>
      line
        .map((word, i) => word.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}
