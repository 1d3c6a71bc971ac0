/** Which repetition is drawn. Pure. */
import { median } from '../../bench/statistics.ts';
import { kept } from '../frame/order.ts';
import type { Cell, Experiment } from '../frame/types.ts';

/** Of each arm the run that is nearest to the median in the experiment's first figure: none is chosen for how it looks. */
export function drawnCells(
  { arms, figures }: Pick<Experiment, 'arms' | 'figures'>,
  cells: readonly Cell[],
): Cell[] {
  const first = Object.keys(figures)[0] ?? '';
  const value = (cell: Cell) => cell.measured.figures[first] ?? -1;
  return arms.flatMap(arm => {
    const own = kept(cells).filter(cell => cell.arm === arm.name);
    const middle = median(own.map(value));
    return [...own]
      .sort(
        (a, b) => Math.abs(value(a) - middle) - Math.abs(value(b) - middle) || a.repetition - b.repetition,
      )
      .slice(0, 1);
  });
}
