/**
 * Up to where the reports of each node were heard, over restarts: a report that is told again to a node that has just
 * been started would bring its author's past back, or a dead author to life (authority.md, no replay).
 */
import type { Mark } from '../../core/report-order.ts';
import { type Database, Shelf } from './store.ts';

const KEY = 'heard';

/**
 * Written every period and not synced: a sync for every report would wear an SD card out. What was heard since the last
 * write can be told again after a restart, and since the last write-back of the kernel after a power cut, until its
 * author's next report, or for `staleAfterMs` if the author is gone.
 */
export class Marks {
  readonly #shelf: Shelf<Record<string, Mark>>;

  constructor(db: Database) {
    this.#shelf = new Shelf(db, 'marks');
  }

  /** What earlier lives have written, by peer id. */
  async read(): Promise<[string, Mark][]> {
    return Object.entries((await this.#shelf.get(KEY)) ?? {});
  }

  write(marks: ReadonlyMap<string, Mark>): Promise<void> {
    return this.#shelf.put(KEY, Object.fromEntries(marks));
  }
}
