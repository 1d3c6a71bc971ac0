/** What people switched on this node, kept over restarts: cordon and pause. Wall-clock times of this node only. */
import { ShoalError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { type Database, Shelf } from './store/store.ts';

/** A pause that nobody remembers would switch the mesh off for good: a day at most. */
export const PAUSE_MAX_MS = 86_400_000;

/** Throws SHOAL_PAUSE_TTL. */
export function checkPause(ttlMs: number): void {
  if (Number.isInteger(ttlMs) && ttlMs > 0 && ttlMs <= PAUSE_MAX_MS) return;
  throw new ShoalError(
    'SHOAL_PAUSE_TTL',
    `a pause lasts 24 h at most, not ${Math.round(ttlMs / 3_600_000)} h`,
    'ttlMs',
    'Give a shorter time; a pause can be renewed',
  );
}

type Kept = { cordoned: boolean; pausedUntilMs: number };

export class Flags {
  readonly #shelf: Shelf<Kept>;
  readonly #clock: Clock;
  #kept: Kept = { cordoned: false, pausedUntilMs: 0 };

  constructor(db: Database, clock: Clock) {
    this.#shelf = new Shelf<Kept>(db, 'flags');
    this.#clock = clock;
  }

  async open(): Promise<void> {
    this.#kept = (await this.#shelf.get('node')) ?? this.#kept;
  }

  get cordoned(): boolean {
    return this.#kept.cordoned;
  }

  /** Left of the pause, ms; 0 = not paused. */
  get pausedMs(): number {
    return Math.max(0, this.#kept.pausedUntilMs - this.#clock.wallMs());
  }

  async cordon(on: boolean): Promise<void> {
    await this.#keep({ ...this.#kept, cordoned: on });
  }

  async pause(ttlMs: number): Promise<void> {
    checkPause(ttlMs);
    await this.#keep({ ...this.#kept, pausedUntilMs: this.#clock.wallMs() + ttlMs });
  }

  async resume(): Promise<void> {
    await this.#keep({ ...this.#kept, pausedUntilMs: 0 });
  }

  async #keep(kept: Kept): Promise<void> {
    await this.#shelf.putSynced('node', kept);
    this.#kept = kept;
  }
}
