/**
 * What an experiment is to show, held against what was measured: differences of arms within each repetition, and the bounds of
 * their mean by Student's t (few repetitions, so that order statistics have none). Pure.
 */
import { measured } from '../../bench/statistics.ts';
import type { Claim } from './types.ts';

/** Two-sided 95 % quantiles of Student's t by degrees of freedom, 1 to 30 (NIST/SEMATECH e-Handbook, 1.3.6.7.2). */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/** Of the normal distribution, for more. */
const Z95 = 1.96;

export type Bounded = { count: number; mean: number; low: number; high: number };

/** Undefined below two values, which have no bounds. */
export function meanBounds(values: readonly number[]): Bounded | undefined {
  const count = values.length;
  if (count < 2) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = (T95[count - 2] ?? Z95) * Math.sqrt(variance / count);
  return { count, mean, low: mean - half, high: mean + half };
}

/** By arm, then by repetition: one figure. */
export type ByArm = ReadonlyMap<string, ReadonlyMap<number, number>>;

export type Judged = {
  claim: Claim;
  bounded: Bounded | undefined;
  verdict: 'shown' | 'not shown' | 'refuted';
};

/** Of `less` and `than` the difference, which must be below `by` (0 if not said); of `less` alone its value. */
export function judgeClaim(claim: Claim, figures: ByArm): Judged {
  const [own, other] = [figures.get(claim.less), claim.than ? figures.get(claim.than) : undefined];
  const values = [...(own ?? [])].flatMap(([repetition, value]) => {
    if (!claim.than) return measured([value]);
    const against = other?.get(repetition);
    return against === undefined || measured([value, against]).length < 2 ? [] : [value - against];
  });
  const bounded = meanBounds(values);
  const limit = claim.by ?? 0;
  if (!bounded) return { claim, bounded, verdict: 'not shown' };
  const verdict = bounded.high <= limit ? 'shown' : bounded.low > limit ? 'refuted' : 'not shown';
  return { claim, bounded, verdict };
}
