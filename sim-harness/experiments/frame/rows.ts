/** What the cells of an experiment come to. Pure. */
import { bounds, measured, median } from '../../bench/statistics.ts';
import { kept } from './order.ts';
import type { Cell, Experiment, Row } from './types.ts';

/** One row for each figure of each arm that has been measured, in the experiment's order. */
export function rowsOf(
  experiment: Pick<Experiment, 'name' | 'arms' | 'figures' | 'compared'>,
  cells: readonly Cell[],
): Row[] {
  const counting = kept(cells);
  const compared = experiment.compared?.(counting) ?? new Map<string, Record<string, number[]>>();
  return experiment.arms.flatMap(arm => {
    const own = counting.filter(cell => cell.arm === arm.name);
    return Object.entries(experiment.figures).flatMap(([figure, { paper }]) => {
      const values = measured(
        compared.get(arm.name)?.[figure] ?? own.map(cell => cell.measured.figures[figure] ?? -1),
      );
      if (values.length === 0) return [];
      return [
        {
          experiment: experiment.name,
          engine: arm.name,
          figure,
          median: rounded(median(values)),
          ...rounded2(bounds(values)),
          runs: values.length,
          paper: paper?.[arm.name] ?? null,
        },
      ];
    });
  });
}

const rounded = (value: number): number => Number(value.toFixed(4));
const rounded2 = ({ min, max }: { min: number; max: number }) => ({ min: rounded(min), max: rounded(max) });
