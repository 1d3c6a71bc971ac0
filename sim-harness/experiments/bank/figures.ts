/** What the responses of a run come to. Pure. */
import { median } from '../../bench/statistics.ts';
import type { Cell, Series } from '../frame/types.ts';
import type { ClientReport } from './client-report.ts';
import { perSecond, type Response, scoreOf } from './scores.ts';

export function bankFigures(
  { responses, cpuMs, lag }: ClientReport,
  vms: readonly string[],
): Record<string, number> {
  const each = vms.map(vm => {
    const { all, goodPercent, tolerablePercent, failedPercent } = scoreOf(responses, vm);
    return {
      [`${vm}GoodPct`]: goodPercent,
      [`${vm}TolerablePct`]: tolerablePercent,
      [`${vm}FailedPct`]: failedPercent,
      [`${vm}All`]: all,
    };
  });
  return Object.assign({ clientCpuS: cpuMs / 1000, clientLagMs: lag.maxMs }, ...each);
}

/** By second, as the paper draws them. */
export const bankSeries = (
  responses: readonly Response[],
  vms: readonly string[],
  untilMs: number,
): Series[] =>
  vms.flatMap(vm => {
    const seconds = perSecond(responses, vm, untilMs);
    return (['good', 'tolerable', 'failed'] as const).map(verdict => ({
      name: `${vm}-${verdict}`,
      points: seconds.map(second => [second.atMs / 1000, second[verdict]] as [number, number]),
    }));
  });

/** VM1's Good share over what it is apart: in the same repetition, or where that is missing the median of those that there are. */
export function ofApart(cell: Cell, kept: readonly Cell[]): Record<string, number> {
  const good = (one: Cell) => one.measured.figures.vm1GoodPct ?? -1;
  const apart = kept.filter(one => one.arm === 'apart');
  const beside = apart.find(one => one.repetition === cell.repetition);
  if (apart.length === 0 || cell.arm === 'apart') return {};
  const share = good(cell) / (beside ? good(beside) : median(apart.map(good)));
  return { vm1GoodOfApart: share, vm1ShortOfApart: 1 - share };
}
