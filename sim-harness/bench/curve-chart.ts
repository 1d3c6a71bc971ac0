/** The curve as SVG: a line per kind of link through its fixed windows, the one that adapts beside it, and the corner where a point must stand. Pure. */
import { scatterChart } from '../plot/scatter-chart.ts';
import { type CurveRow, WANTED } from './curve-figures.ts';
import { windowName } from './options.ts';

export function curveChart(rows: readonly CurveRow[]): string {
  const kinds = [...new Set(rows.map(row => row.arm.kind))];
  const line = (kind: CurveRow['arm']['kind'], key: 'p50OverUs' | 'p99OverUs') => ({
    name: `${kind} ${key.slice(0, 3)}`,
    dashed: key === 'p99OverUs',
    points: rows.flatMap(({ arm, runs, figures }) =>
      arm.engine === 'postcopy' && arm.kind === kind && runs > 0
        ? [
            {
              x: figures.share.median,
              y: Math.max(1, figures[key].median),
              label: windowName(arm.window),
              loose: arm.window === 0,
            },
          ]
        : [],
    ),
  });
  return scatterChart({
    title: 'Bulk window: goodput against the wait for an urgent page',
    xLabel: 'page payload a second, share of raw TCP',
    yLabel: 'over a round trip (µs)',
    xWanted: WANTED.share,
    lines: kinds.flatMap(kind => [line(kind, 'p50OverUs'), line(kind, 'p99OverUs')]),
  });
}
