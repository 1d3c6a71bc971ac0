/** Page payload a second against raw TCP on the same unshaped loopback. Pure. */
import { lined } from './curve-figures.ts';
import type { Run } from './figures-table.ts';
import { windowName } from './options.ts';
import { median, medianBounds } from './statistics.ts';

export type LoopbackPair = {
  rawTcpMbit: number;
  /** From the moment when the guest stood: pages may flow from there on, before it runs on the target. */
  goodputMbit: number;
  ratio: number;
  /** Both page servers together. */
  cpuSPerGb: number;
  wireOverData: number;
  badPages: number;
} & Pick<Run, 'from' | 'to' | 'strangersShare' | 'strangersCores'>;
export type LoopbackRow = { window: number; pairs: LoopbackPair[]; ratio: number; low: number; high: number };

/** What encrypted bulk must reach at least (docs/design/page-server.md). */
export const WANTED = 0.5;

const round = (value: number, digits: number) => Number(value.toFixed(digits));

/** `rawTcpMbit`: the same way as the move, just before it. */
export function loopbackPair(run: Run, rawTcpMbit: number): LoopbackPair {
  const { from, to, strangersShare, strangersCores } = run;
  const goodputMbit = (run.dataBytes * 8) / 1000 / run.bulkMs;
  return {
    rawTcpMbit,
    goodputMbit: Math.round(goodputMbit),
    ratio: round(goodputMbit / rawTcpMbit, 3),
    cpuSPerGb: round(run.cpuS / (run.dataBytes / 1e9), 2),
    wireOverData: round(run.wireBytes / run.dataBytes, 4),
    badPages: run.badPages,
    ...{ from, to, strangersShare, strangersCores },
  };
}

/** `low` and `high`: 95 % bounds of the median of the pairs' ratios; -1 below six pairs. */
export const loopbackRow = (window: number, pairs: LoopbackPair[]): LoopbackRow => {
  const ratios = pairs.map(pair => pair.ratio);
  return { window, pairs, ratio: median(ratios), ...(medianBounds(ratios) ?? { low: -1, high: -1 }) };
};

export function loopbackTable(rows: readonly LoopbackRow[]): string {
  const titles = [
    'window',
    'pairs',
    'ratio',
    '95 %',
    'raw Mbit/s',
    'pages Mbit/s',
    'CPU s/GB',
    'wire/data',
    'bad',
  ];
  return lined([
    [...titles, `wanted ${WANTED}`],
    ...rows.map(({ window, pairs, ratio, low, high }) => {
      if (pairs.length === 0)
        return [windowName(window), '0', ...titles.slice(2).map(() => '-'), 'not measured'];
      const of = (key: 'rawTcpMbit' | 'goodputMbit' | 'cpuSPerGb' | 'wireOverData') =>
        String(median(pairs.map(pair => pair[key])));
      return [
        ...[windowName(window), String(pairs.length), String(round(ratio, 3))],
        low === -1 ? 'too few' : `${low} to ${high}`,
        ...[of('rawTcpMbit'), of('goodputMbit'), of('cpuSPerGb'), of('wireOverData')],
        String(pairs.reduce((sum, pair) => sum + pair.badPages, 0)),
        ratio >= WANTED ? 'reached' : 'missed',
      ];
    }),
  ]);
}
