/** The charts of a run, as the paper draws them: a series each, a vertical line at every switch. Pure. */
import { lineChart } from '../../plot/line-chart.ts';
import type { Cell, Panel } from '../frame/types.ts';

export type Chart = { file: string; title: string; svg: string };

/** One for each panel of which the run has points; nodes have the paper's names, PM0 and PM1. */
export function chartsOf(cell: Cell, panels: readonly Panel[]): Chart[] {
  const { experiment, arm, measured } = cell;
  const marks = measured.moves
    .filter(move => move.switchedAtMs >= 0)
    .map(move => ({
      x: move.switchedAtMs / 1000,
      label: `${move.vm.toUpperCase()} → ${paperName(move.to)}`,
    }));
  return panels.flatMap(({ series, title, yLabel, yMax }) => {
    const points = measured.series.find(one => one.name === series)?.points ?? [];
    if (points.length === 0) return [];
    const svg = lineChart({
      title: `${title}, ${arm}`,
      xLabel: 'time (s)',
      yLabel,
      yMax,
      points: points.map(([x, y]) => ({ x, y })),
      marks,
    });
    return [{ file: `${experiment}-${arm}-${series}.svg`, title: `${title}, ${arm}`, svg }];
  });
}

const paperName = (node: string): string => node.replace(/^node/, 'PM');
