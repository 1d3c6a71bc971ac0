/** CPU of nodes and VMs, a second a point, from what the agents keep themselves. */
import type { ClusterStatus, HistoryPoint } from '@shoal/agent/edge/http/api.types';
import type { Lab } from '../../lab/index.ts';
import type { Series } from './types.ts';

/** Of every node and VM of the lab, from `sinceMs` (wall clock) on, for `spanMs`. */
export async function seriesOf(lab: Lab, sinceMs: number, spanMs: number): Promise<Series[]> {
  const status = await lab.node('node0').get<ClusterStatus>('/v1/status');
  const names = [...lab.nodes.map(node => node.name), ...status.vms.map(vm => vm.name).sort()];
  return Promise.all(
    names.map(async name => {
      // A VM's points are where it was at the time; a node keeps its own.
      const lists = await Promise.all(
        lab.nodes.map(node =>
          node.get<HistoryPoint[]>(`/v1/history?subject=${name}&sinceMs=${Math.floor(sinceMs)}`),
        ),
      );
      return { name, points: pointsOf(lists.flat(), sinceMs, spanMs) };
    }),
  );
}

/** In the order of time; where both sides of a move tell of the same second the larger figure holds, since only one of them ran. Pure. */
export function pointsOf(
  history: readonly HistoryPoint[],
  sinceMs: number,
  spanMs: number,
): [number, number][] {
  const seconds = new Map<number, [number, number]>();
  for (const { atMs, cpuPercent } of history) {
    const at = atMs - sinceMs;
    if (at < 0 || at > spanMs) continue;
    const second = Math.floor(at / 1000);
    const known = seconds.get(second);
    if (!known || known[1] < cpuPercent) seconds.set(second, [Number((at / 1000).toFixed(2)), cpuPercent]);
  }
  return [...seconds.values()].sort(([a], [b]) => a - b);
}

/** Mean of a series between two times, s; -1: no point is there. Pure. */
export function meanOf(series: readonly Series[], name: string, fromS: number, toS: number): number {
  const points = (series.find(one => one.name === name)?.points ?? []).filter(
    ([at]) => at >= fromS && at < toS,
  );
  return points.length === 0 ? -1 : points.reduce((sum, [, value]) => sum + value, 0) / points.length;
}
