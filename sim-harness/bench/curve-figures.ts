/** The two things that a bulk window is chosen between, out of one move and what the link was like just before it. Pure. */
import type { LinkClass } from '../lab/index.ts';
import type { Run } from './figures-table.ts';
import { windowName } from './options.ts';
import { type Middle, middle, middleText, NOT_MEASURED } from './statistics.ts';

/** `window` in bytes of bulk in flight, 0 = it adapts; QEMU has none. */
export type CurveArm =
  | { kind: LinkClass; engine: 'postcopy'; window: number }
  /** Over our channel; from QEMU to QEMU, without agents; and so with `postcopy-preempt`. */
  | { kind: LinkClass; engine: 'qemu-postcopy' | 'qemu-direct' | 'qemu-preempt' };

/** What of a move makes a point. */
export type Moved = Pick<
  Run,
  | 'dataBytes'
  | 'bulkMs'
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
  /** From the moment when the guest stood: pages may flow from there on, before it runs on the target. */
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
  const goodputMbit = (run.dataBytes * 8) / 1000 / run.bulkMs;
  const over = (us: number) => (run.faults > 0 && us >= 0 ? Math.round(us - link.rttUs) : NOT_MEASURED);
  return {
    ...link,
    goodputMbit: round(goodputMbit, 1),
    share: round(goodputMbit / link.rawTcpMbit),
    bulkPart: run.faults > 0 ? round(run.bulkBytes / (run.bulkBytes + run.urgentBytes)) : NOT_MEASURED,
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

/** `badPages`: of all runs together. */
export type CurveRow = {
  arm: CurveArm;
  runs: number;
  badPages: number;
  figures: Record<keyof CurvePoint, Middle>;
};

const KEYS = [
  ...['rawTcpMbit', 'rttUs', 'goodputMbit', 'share', 'bulkPart', 'faults', 'meanOverUs', 'p50OverUs'],
  ...['p99OverUs', 'guestGapMs', 'guestWorkLost', 'wireOverData', 'badPages'],
] as (keyof CurvePoint)[];

export function curveRow(arm: CurveArm, points: readonly CurvePoint[]): CurveRow {
  const figures = Object.fromEntries(KEYS.map(key => [key, middle(points.map(p => p[key]))]));
  const badPages = points.reduce((sum, point) => sum + point.badPages, 0);
  return { arm, runs: points.length, badPages, figures: figures as CurveRow['figures'] };
}

/** Where the point must stand (docs/design/page-server.md). */
export const WANTED = {
  share: 0.97,
  p50OverUs: { fifo: 500, htb: 150 },
  p99OverUs: { fifo: 3000, htb: 2000 },
} as const;

/**
 * By the medians, of one row. What it misses, each with its bar; nothing = it stands. A row without waits stands nowhere: it
 * shows no latency. `rows`: where QEMU with `postcopy-preempt` is among them, its mean wait on that link is a bar too.
 */
export function missed({ arm, figures }: CurveRow, rows: readonly CurveRow[] = []): string[] {
  const { share, p50OverUs, p99OverUs, meanOverUs } = figures;
  const preempt = rows.find(row => row.arm.engine === 'qemu-preempt' && row.arm.kind === arm.kind);
  const bar = preempt?.runs ? preempt.figures.meanOverUs : undefined;
  const over = (name: string, { count, median }: Middle, most: number) => {
    if (count === 0) return [`${name} not measured`];
    return median > most ? [`${name} > ${most}`] : [];
  };
  return [
    ...(share.count === 0 || share.median < WANTED.share ? [`goodput < ${WANTED.share}`] : []),
    ...over('p50', p50OverUs, WANTED.p50OverUs[arm.kind]),
    ...over('p99', p99OverUs, WANTED.p99OverUs[arm.kind]),
    ...(bar && bar.count > 0
      ? over('mean', meanOverUs, bar.median).map(what => `${what} (qemu-preempt)`)
      : []),
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
  const lines = [
    ['arm', 'runs', ...COLUMNS.map(([, title]) => title), 'bad pages', 'misses'],
    ...rows
      .filter(row => row.runs > 0)
      .map(row => [
        armName(row.arm),
        String(row.runs),
        ...COLUMNS.map(([key]) => middleText(row.figures[key], String)),
        String(row.badPages),
        row.arm.engine === 'postcopy' ? missed(row, rows).join(', ') || 'nothing' : '-',
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
