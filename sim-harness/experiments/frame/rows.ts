/** What the cells of an experiment come to. Pure. */
import { bounds, measured, median, NOT_MEASURED } from '../../bench/statistics.ts';
import { kept } from './order.ts';
import type { Cell, Experiment, Row } from './types.ts';

/** One row for each figure of each arm that has been measured, in the experiment's order. */
export function rowsOf(
  experiment: Pick<Experiment, 'name' | 'arms' | 'figures' | 'compared'>,
  cells: readonly Cell[],
): Row[] {
  return experiment.arms.flatMap(arm =>
    Object.entries(experiment.figures).flatMap(([figure, { paper }]) => {
      const values = measured([...(byArm(experiment, cells, figure).get(arm.name)?.values() ?? [])]);
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
    }),
  );
}

/** One figure of what counts; -1: not measured. */
export function byArm(
  { compared }: Pick<Experiment, 'compared'>,
  cells: readonly Cell[],
  figure: string,
): Map<string, Map<number, number>> {
  const counting = kept(cells);
  const found = new Map<string, Map<number, number>>();
  for (const cell of counting) {
    const value = compared?.(cell, counting)[figure] ?? cell.measured.figures[figure] ?? NOT_MEASURED;
    const arm = found.get(cell.arm) ?? new Map<number, number>();
    found.set(cell.arm, arm.set(cell.repetition, value));
  }
  return found;
}

const rounded = (value: number): number => Number(value.toFixed(4));
const rounded2 = ({ min, max }: { min: number; max: number }) => ({ min: rounded(min), max: rounded(max) });
