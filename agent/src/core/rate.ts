/** A token bucket: so many at once, so many a second after that. Time comes in; pure. */
export class Rate {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #atMs: number | undefined;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /** True when `count` more are within the limit now; then they are counted. */
  take(nowMs: number, count = 1): boolean {
    const passedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    this.#atMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + (passedMs * this.#perSecond) / 1000);
    if (this.#left < count) return false;
    this.#left -= count;
    return true;
  }
}

/**
 * Log lines of one kind about what one peer sends wrongly: enough to see that it begins and goes on; one that sends day and
 * night has less than 9000 of them a day, some 2 MB.
 */
export const LINES = { burst: 5, perSecond: 0.1 };

/** One bucket for each peer. */
export class Rates {
  readonly #make: () => Rate;
  readonly #of = new Map<string, Rate>();

  constructor(burst: number, perSecond: number) {
    this.#make = () => new Rate(burst, perSecond);
  }

  take(peer: string, nowMs: number, count = 1): boolean {
    const rate = this.#of.get(peer) ?? this.#make();
    this.#of.set(peer, rate);
    return rate.take(nowMs, count);
  }

  forget(peer: string): void {
    this.#of.delete(peer);
  }
}
