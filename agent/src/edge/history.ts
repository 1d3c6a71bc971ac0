/** What was, for people: one row a second with the node's and its VMs' last second. */
import type { LoadReport } from '@shoal/protocol';
import type { HistoryPoint } from './http/api.types.ts';
import type { Records } from './store/records.ts';

/** Name to [CPU in thousandths, resident or used MiB]; the node itself is under its own name. */
export type HistoryRow = Record<string, [number, number]>;

/** An answer holds at most an hour of seconds. */
const POINTS_MAX = 3600;

export class History {
  readonly #rows: Records<HistoryRow>;

  constructor(rows: Records<HistoryRow>) {
    this.#rows = rows;
  }

  async add(report: LoadReport): Promise<void> {
    const row: HistoryRow = {
      [report.name]: [report.cpuNowPermille, report.memoryMib - report.memoryFreeMib],
    };
    for (const vm of report.vms) row[vm.name] = [vm.cpuNowMilli, vm.residentMib];
    await this.#rows.add(row);
  }

  /** Points of a VM or of this node since `sinceMs` (wall clock), oldest first, at most an hour of them. */
  async of(subject: string, sinceMs: number): Promise<HistoryPoint[]> {
    const points: HistoryPoint[] = [];
    for await (const { atMs, row } of this.#rows.since(sinceMs)) {
      const point = row[subject];
      if (point) points.push({ atMs, subject, cpuPercent: point[0] / 10, memoryMib: point[1] });
      if (points.length === POINTS_MAX) break;
    }
    return points;
  }
}
