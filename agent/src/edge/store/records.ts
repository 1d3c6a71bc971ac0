/** Rows by the time they were written, kept for a while: history, decisions, ended handoffs. */
import type { Time } from '../clock.ts';
import { type Database, Shelf, timeKey } from './store.ts';

/** Old rows are dropped this often at most: each sweep is one range delete. */
const SWEEP_EVERY_MS = 60_000;

export class Records<T> {
  readonly #shelf: Shelf<T>;
  readonly #retentionMs: number;
  readonly #clock: Time;
  #sweptAtMs = 0;
  #lastKey = '';
  #sameMs = 0;

  constructor(db: Database, name: string, retentionMs: number, clock: Time) {
    this.#shelf = new Shelf<T>(db, name);
    this.#retentionMs = retentionMs;
    this.#clock = clock;
  }

  /** Not synced: losing the last moments of what was hurts nobody, an fsync a second wears out an SD card. */
  async add(row: T): Promise<void> {
    const nowMs = this.#clock.wallMs();
    await this.#shelf.put(this.#keyOf(nowMs), row);
    if (nowMs - this.#sweptAtMs < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = nowMs;
    await this.#shelf.dropBefore(timeKey(nowMs - this.#retentionMs));
  }

  /** Two rows of one millisecond are two rows. */
  #keyOf(nowMs: number): string {
    const key = timeKey(nowMs);
    this.#sameMs = key === this.#lastKey ? this.#sameMs + 1 : 0;
    this.#lastKey = key;
    return this.#sameMs === 0 ? key : `${key}.${String(this.#sameMs).padStart(4, '0')}`;
  }

  /** Newest first. */
  last(limit: number): Promise<T[]> {
    return this.#shelf.last(limit);
  }

  /** Since a wall-clock time, with the time of each, oldest first. */
  async since(sinceMs: number, limit: number): Promise<{ atMs: number; row: T }[]> {
    const rows = await this.#shelf.since(timeKey(Math.max(0, sinceMs)), limit);
    return rows.map(([key, row]) => ({ atMs: Number.parseInt(key, 10), row }));
  }
}
