/**
 * Up to where the reports of each node were heard, over restarts: a report that is told again to a node that has just
 * been started would bring its author's past back, or a dead author to life (authority.md, no replay).
 */
import type { Mark } from '../../core/report-order.ts';
import type { Clock } from '../clock.ts';
import { type Database, Shelf } from './store.ts';

/**
 * Not synced, and every few seconds only: with a write for every report an SD card would wear out. What was heard
 * since the last write can be told again after a crash, until its author's next report, or for `staleAfterMs` if the
 * author is gone.
 */
const WRITE_EVERY_MS = 5000;
const KEY = 'heard';

export class Marks {
  readonly #shelf: Shelf<Record<string, Mark>>;
  readonly #clock: Clock;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(db: Database, clock: Clock) {
    this.#shelf = new Shelf(db, 'marks');
    this.#clock = clock;
  }

  /** What earlier lives have written, by peer id. */
  async read(): Promise<[string, Mark][]> {
    return Object.entries((await this.#shelf.get(KEY)) ?? {});
  }

  /** Writes them if the last write is long enough ago. */
  async keep(marks: ReadonlyMap<string, Mark>): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#writtenAtMs < WRITE_EVERY_MS) return;
    this.#writtenAtMs = nowMs;
    await this.write(marks);
  }

  write(marks: ReadonlyMap<string, Mark>): Promise<void> {
    return this.#shelf.put(KEY, Object.fromEntries(marks));
  }
}
