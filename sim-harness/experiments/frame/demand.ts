/** Loads that change over time, and what a VM did not get of one. Pure. */
import type { Series } from './types.ts';

/** From `atS` on a VM wants so much of a core, percent. */
export type Want = { atS: number; vm: string; percent: number };

/** In the order of time; before its first one a VM wants nothing. */
export function wantedAt(wants: readonly Want[], vm: string, atS: number): number {
  return wants.filter(want => want.vm === vm && want.atS <= atS).at(-1)?.percent ?? 0;
}

/**
 * s of a core between two times, by what each second's sample says it got. Left out are seconds in which it wanted another share at
 * their beginning: a sample is of both.
 */
export function lostS(
  series: readonly Series[],
  vm: string,
  wants: readonly Want[],
  fromS: number,
  toS: number,
): number {
  const points = series.find(one => one.name === vm)?.points ?? [];
  return points
    .filter(([at]) => at > fromS && at <= toS)
    .reduce((sum, [at, got]) => {
      const wanted = wantedAt(wants, vm, at);
      const changed = wantedAt(wants, vm, at - SAMPLE_S) !== wanted;
      return changed ? sum : sum + Math.max(0, wanted - got) / 100;
    }, 0);
}

/** A sample is of the second before it, and comes some ms late. */
const SAMPLE_S = 1.1;
