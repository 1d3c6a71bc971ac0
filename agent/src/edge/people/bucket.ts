/** Token buckets: so many at once, then one every so often; per key, for a bounded number of keys. */
import type { Time } from '../clock.ts';

export type Pace = { burst: number; everyMs: number };

export class Buckets {
  readonly #pace: Pace;
  readonly #keysMax: number;
  readonly #time: Pick<Time, 'nowMs'>;
  /** When it would be full again; oldest use first. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(pace: Pace, keysMax: number, time: Pick<Time, 'nowMs'>) {
    this.#pace = pace;
    this.#keysMax = keysMax;
    this.#time = time;
  }

  /** Ms until the next one is allowed; 0 = one is allowed now. Takes nothing. */
  waitMs(key: string): number {
    const { burst, everyMs } = this.#pace;
    const nowMs = this.#time.nowMs();
    const full = this.#fullAtMs.get(key) ?? nowMs;
    return Math.max(0, Math.ceil(full - nowMs - (burst - 1) * everyMs));
  }

  take(key: string): void {
    const nowMs = this.#time.nowMs();
    const fullAtMs = Math.max(nowMs, this.#fullAtMs.get(key) ?? nowMs) + this.#pace.everyMs;
    this.#fullAtMs.delete(key);
    this.#fullAtMs.set(key, fullAtMs);
    if (this.#fullAtMs.size <= this.#keysMax) return;
    // Full ones say nothing; without any, the longest unused goes.
    for (const [known, at] of this.#fullAtMs) if (at <= nowMs) this.#fullAtMs.delete(known);
    for (const known of this.#fullAtMs.keys()) {
      if (this.#fullAtMs.size <= this.#keysMax) break;
      this.#fullAtMs.delete(known);
    }
  }
}
