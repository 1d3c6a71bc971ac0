/** The charts of a run, as the paper draws them: a series each, a vertical line at every switch. Pure. */
import { lineChart } from '../../plot/line-chart.ts';
import type { Cell, Panel } from '../frame/types.ts';

/** `title`: with the number of the paper's figure that shows the same. */
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
  return panels.flatMap(panel => {
    const { yLabel, yMax } = panel;
    const lines = panel.lines.map(({ series, name }) => ({
      name,
      points: (measured.series.find(one => one.name === series)?.points ?? []).map(([x, y]) => ({ x, y })),
    }));
    if (lines.every(({ points }) => points.length === 0)) return [];
    const figure = panel.paper?.[arm];
    const title = `${panel.title}, ${arm}${figure === undefined ? '' : ` (the paper’s figure ${figure})`}`;
    const svg = lineChart({
      title,
      xLabel: 'time (s)',
      yLabel,
      yMax,
      lines,
      marks,
    });
    const [first] = panel.lines;
    return [{ file: `${experiment}-${arm}-${first?.series}.svg`, title, svg }];
  });
}

const paperName = (node: string): string => node.replace(/^node/, 'PM');
