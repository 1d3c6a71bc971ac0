/** When VMs left this node, for the backoff of one that returns. Only those that still could count are kept. */
import { RETURN_SPAN_MS } from '../../core/vm/backoff.ts';
import type { Shelf } from '../store/store.ts';

/** Wall clock of this node. */
export type Departure = { leftAtMs: number };

/** Each deletion is a synced write while a handoff waits to be settled. One comes with a departure, so a few catch up. */
const DROPPED_MAX = 8;

export class Departures {
  readonly #shelf: Shelf<Departure>;

  constructor(shelf: Shelf<Departure>) {
    this.#shelf = shelf;
  }

  /** When the VM last left, or undefined; what is too long ago to matter may be forgotten. */
  async leftAtMs(vm: string): Promise<number | undefined> {
    return (await this.#shelf.get(vm))?.leftAtMs;
  }

  /** Resolves when it is on the disk. Some of what counts no more is dropped: so there are never more than left lately. */
  async note(vm: string, nowMs: number): Promise<void> {
    await this.#shelf.putSynced(vm, { leftAtMs: nowMs });
    // Also what lies far ahead: the clock was set back, and it would stay for as long.
    const old = (await this.#shelf.all()).filter(([, d]) => Math.abs(nowMs - d.leftAtMs) >= RETURN_SPAN_MS);
    for (const [gone] of old.slice(0, DROPPED_MAX)) await this.#shelf.delete(gone);
  }
}
