/**
 * Says in the log who was not let in and why: at once the first time, then together, so that whoever knocks ten
 * thousand times fills no disk.
 */
import type { Log } from './types.ts';

/** A line about one address and reason at most this often. */
const AGAIN_MS = 10_000;
/** Knocks from more addresses than this at a time are told of without them. */
const ADDRESSES_MAX = 64;
const MANY = 'many addresses';

type Told = { more: number; timer: NodeJS.Timeout };

export class Refusals {
  readonly #log: Log;
  readonly #told = new Map<string, Told>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `address`: without the port, which is another one each time. */
  note(address: string, why: string): void {
    const known = this.#told.get(`${address} ${why}`);
    const shown = known || this.#told.size < ADDRESSES_MAX ? address : MANY;
    const key = `${shown} ${why}`;
    const told = this.#told.get(key);
    if (told) {
      told.more += 1;
      return;
    }
    this.#log.warn({ event: 'connection-refused', address: shown, why }, 'connection refused');
    const timer = setTimeout(() => this.#sum(key, shown, why), AGAIN_MS);
    timer.unref();
    this.#told.set(key, { more: 0, timer });
  }

  #sum(key: string, address: string, why: string): void {
    const more = this.#told.get(key)?.more ?? 0;
    this.#told.delete(key);
    if (more === 0) return;
    this.#log.warn({ event: 'connection-refused', address, why, more }, 'more connections refused');
  }

  stop(): void {
    for (const { timer } of this.#told.values()) clearTimeout(timer);
    this.#told.clear();
  }
}
