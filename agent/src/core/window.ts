/**
 * A sliding window of samples and its means: every figure that the rule reads is the mean over the past 10 s
 * (paper, section 5). Pure: the caller brings the time.
 */
import assert from './assert.ts';

/** Rates and shares measured over `spanMs` that ended at `atMs`. */
export type Sample<K extends string> = { atMs: number; spanMs: number; values: Record<K, number> };

export class Window<K extends string> {
  readonly #keys: readonly K[];
  readonly #windowMs: number;
  #samples: Sample<K>[] = [];
  #cleanSinceMs: number;

  /** `bornMs`: when measuring began; the window is full once it reaches back over `windowMs` without a disturbance. */
  constructor(keys: readonly K[], windowMs: number, bornMs: number) {
    assert(windowMs > 0, 'a window has a length');
    this.#keys = keys;
    this.#windowMs = windowMs;
    this.#cleanSinceMs = bornMs;
  }

  push(sample: Sample<K>): void {
    const last = this.#samples.at(-1);
    assert(!last || sample.atMs >= last.atMs, 'samples come in order of time');
    this.#samples.push(sample);
    const oldest = sample.atMs - this.#windowMs;
    while (this.#samples.length > 1 && (this.#samples[0] as Sample<K>).atMs <= oldest) this.#samples.shift();
  }

  /** A move touched this node until `atMs`: its load must not drive the next decision (paper, section 5). */
  disturb(atMs: number): void {
    this.#cleanSinceMs = Math.max(this.#cleanSinceMs, atMs);
  }

  /** Nothing has run here: what it will show is known already. */
  trust(): void {
    this.#cleanSinceMs = Number.NEGATIVE_INFINITY;
  }

  /** True when every sample in a whole window was taken after the last disturbance. */
  full(nowMs: number): boolean {
    return nowMs - this.#cleanSinceMs >= this.#windowMs;
  }

  /** Means weighted by the time of the window that each sample covers; zeros when there is none. */
  means(): Record<K, number> {
    const fromMs = (this.#samples.at(-1)?.atMs ?? 0) - this.#windowMs;
    // A sample after a stall reaches back beyond the window: only what lies within counts.
    const covers = (s: Sample<K>) => s.atMs - Math.max(fromMs, s.atMs - s.spanMs);
    const total = this.#samples.reduce((sum, s) => sum + covers(s), 0);
    const mean = (key: K) =>
      total === 0 ? 0 : this.#samples.reduce((sum, s) => sum + s.values[key] * covers(s), 0) / total;
    return Object.fromEntries(this.#keys.map(key => [key, mean(key)])) as Record<K, number>;
  }

  /** The newest sample alone: for people, never for the rule. */
  latest(key: K): number {
    return this.#samples.at(-1)?.values[key] ?? 0;
  }
}
