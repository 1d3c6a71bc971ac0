/** Chance that repeats: the same words give the same numbers on any machine. Pure. */
import { createHash } from 'node:crypto';

export type Chance = {
  /** A whole number from 0 to `n` − 1. */
  below(n: number): number;
  pick<T>(list: readonly T[]): T;
  /** True once in `n` times. */
  once(n: number): boolean;
};

/** mulberry32 (Tommy Ettinger, public domain), seeded by the SHA-1 of the words. */
export function chanceOf(...words: (string | number)[]): Chance {
  let state = createHash('sha1').update(words.join(' ')).digest().readInt32LE(0);
  const below = (n: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
  return { below, once: n => below(n) === 0, pick: list => list[below(list.length)] as never };
}
