/** What sharing and moving cost a build, against the same builds apart (the paper's table 1). Pure. */
import { measured, median } from '../../bench/statistics.ts';
import type { Cell } from '../frame/types.ts';

const VMS = ['vm0', 'vm1'];

/**
 * In per cent of the time apart, the mean of both VMs; against the run apart of the same repetition, which had the same machine
 * around it, or where that is missing the median of those that there are. Empty without any.
 */
export function penalties(cell: Cell, kept: readonly Cell[]): Record<string, number> {
  const apart = kept.filter(other => other.arm === 'apart');
  const beside = apart.find(other => other.repetition === cell.repetition);
  const of = (figure: string) =>
    beside?.measured.figures[figure] ?? median(measured(apart.map(a => a.measured.figures[figure] ?? -1)));
  if (apart.length === 0 || cell.arm === 'apart') return {};
  const own = (figure: string) => cell.measured.figures[figure] ?? Number.NaN;
  const mean = (share: (vm: string) => number) =>
    (VMS.reduce((sum, vm) => sum + share(vm), 0) / VMS.length) * 100;
  return {
    penaltyPct: mean(vm => (own(`${vm}S`) - of(`${vm}S`)) / of(`${vm}S`)),
    stoodPct: mean(vm => (own(`${vm}StoodS`) - of(`${vm}StoodS`)) / of(`${vm}S`)),
  };
}
