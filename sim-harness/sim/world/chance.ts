/** All that a run decides by chance, from one seed: a run is repeated by its seed alone. */
import { chance } from '@shoal/agent/core/handoff/testing-faults';

export type Odds = Pick<Chance, 'happens' | 'between' | 'below' | 'pick'>;

/** Nothing is left to chance: every delay is the mean one, what is rather likely happens. For scenarios. */
export const EVEN: Odds = {
  happens: share => share > 0.5,
  between: (low, high) => (low + high) / 2,
  below: () => 0,
  pick: list => list[0] as never,
};

export class Chance {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = chance(seed);
    // Neighbouring seeds begin alike: the first numbers are thrown away.
    for (let i = 0; i < 8; i++) this.#next();
  }

  /** `share` of all times. */
  happens(share: number): boolean {
    return share > 0 && this.#next() < share;
  }

  between(low: number, high: number): number {
    return low + this.#next() * (high - low);
  }

  /** From 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}
