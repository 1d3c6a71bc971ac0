/**
 * What was, for people: one row a second with the node's and its VMs' last second, kept for `retentionHours`.
 * Not synced: a lost second of history hurts nobody, an fsync a second wears out an SD card.
 */
import type { LoadReport } from '@shoal/protocol';
import type { Clock } from './clock.ts';
import type { HistoryPoint } from './http/api.types.ts';
import { type Database, Shelf, timeKey } from './store/store.ts';

/** Name to [CPU in thousandths, resident or used MiB]; the node itself is under its own name. */
type Row = Record<string, [number, number]>;

/** Old rows are dropped this often: each sweep is one range delete. */
const SWEEP_EVERY_MS = 60_000;
/** An answer holds at most an hour of seconds. */
const POINTS_MAX = 3600;

export class History {
  readonly #shelf: Shelf<Row>;
  readonly #retentionMs: number;
  readonly #clock: Clock;
  #sweptAtMs = 0;

  constructor(db: Database, retentionHours: number, clock: Clock) {
    this.#shelf = new Shelf<Row>(db, 'history');
    this.#retentionMs = retentionHours * 3_600_000;
    this.#clock = clock;
  }

  async add(report: LoadReport): Promise<void> {
    const nowMs = this.#clock.wallMs();
    const row: Row = { [report.name]: [report.cpuNowPermille, report.memoryMib - report.memoryFreeMib] };
    for (const vm of report.vms) row[vm.name] = [vm.cpuNowMilli, vm.residentMib];
    await this.#shelf.put(timeKey(nowMs), row);
    if (nowMs - this.#sweptAtMs < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = nowMs;
    await this.#shelf.dropBefore(timeKey(nowMs - this.#retentionMs));
  }

  /** Points of a VM or of this node since `sinceMs` (wall clock), oldest first, at most an hour of them. */
  async of(subject: string, sinceMs: number): Promise<HistoryPoint[]> {
    const rows = await this.#shelf.since(timeKey(Math.max(0, sinceMs)), POINTS_MAX);
    return rows.flatMap(([key, row]) => {
      const point = row[subject];
      return point ? [{ atMs: Number(key), subject, cpuPercent: point[0] / 10, memoryMib: point[1] }] : [];
    });
  }
}
