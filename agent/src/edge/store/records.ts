/** Rows by the time they were written, kept for a while: history, decisions, ended handoffs. */
import type { Time } from '../clock.ts';
import { type Database, Shelf, timeKey } from './store.ts';

/** Old rows are dropped this often at most: each sweep is one range delete. */
const SWEEP_EVERY_MS = 60_000;
/**
 * Read at a time: a hundred kilobytes. An agent has 64 MiB for all its objects, and several may ask at once (*seen*: asked
 * for single handoffs after a thousand of them, each time all of them read, it ended).
 */
const PAGE_ROWS = 64;

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

  /** The newest that is so; what was looked at on the way is not kept. */
  async newest(is: (row: T) => boolean): Promise<T | undefined> {
    let before: string | undefined;
    do {
      const rows = await this.#shelf.before(before, PAGE_ROWS);
      const found = rows.find(([, row]) => is(row));
      if (found) return found[1];
      before = rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.[0];
    } while (before !== undefined);
    return undefined;
  }

  /** Since a wall-clock time, with the time of each, oldest first. */
  async *since(sinceMs: number): AsyncGenerator<{ atMs: number; row: T }> {
    let from: string | undefined = timeKey(Math.max(0, sinceMs));
    while (from !== undefined) {
      const rows: [string, T][] = await this.#shelf.since(from, PAGE_ROWS);
      for (const [key, row] of rows) yield { atMs: Number.parseInt(key, 10), row };
      const last = rows.at(-1)?.[0];
      from = rows.length < PAGE_ROWS || last === undefined ? undefined : `${last}\0`;
    }
  }
}
