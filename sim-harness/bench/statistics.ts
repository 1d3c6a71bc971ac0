/** Medians and bounds of few runs. Pure. */

/** Of an interval: the median of what was sampled lies in it with at least this probability. */
const CONFIDENCE = 0.95;

/** In every figure of every bench. */
export const NOT_MEASURED = -1;

export const measured = (values: readonly number[]): number[] =>
  values.filter(value => value !== NOT_MEASURED);

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return NOT_MEASURED;
  const [low = 0, high = 0] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}

export const bounds = (values: readonly number[]): { min: number; max: number } =>
  values.length ? { min: Math.min(...values), max: Math.max(...values) } : { min: -1, max: -1 };

/**
 * Bounds of the median by order statistics, whatever the distribution (W. J. Conover, Practical Nonparametric Statistics,
 * 3rd ed., 3.2): the narrowest pair of the sorted values, as far from one end as from the other, that holds it with 95 %.
 * Undefined for fewer than six values, which cannot say that much.
 */
export function medianBounds(values: readonly number[]): { low: number; high: number } | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  // P(X <= k) for X binomial (n, 1/2): how likely the median lies below the k-th smallest value.
  let [term, below, rank] = [0.5 ** n, 0, -1];
  for (let k = 0; k < n / 2; k++) {
    below += term;
    if (2 * below > 1 - CONFIDENCE) break;
    rank = k;
    term = (term * (n - k)) / (k + 1);
  }
  const [low, high] = [sorted[rank], sorted[n - 1 - rank]];
  return low === undefined || high === undefined ? undefined : { low, high };
}

/** `low` and `high`: the 95 % bounds of the median, both -1 below six values. `median` -1: nothing was measured. */
export type Middle = { count: number; median: number; low: number; high: number };

/** Of what was measured; -1 stands for what was not. */
export function middle(values: readonly number[]): Middle {
  const known = measured(values);
  return { count: known.length, median: median(known), ...(medianBounds(known) ?? { low: -1, high: -1 }) };
}

/** `33 (31 to 40)`; without bounds where there are too few for them; `-`: not measured. */
export function middleText({ count, median, low, high }: Middle, show: (value: number) => string): string {
  if (count === 0) return '-';
  // Below six values both are -1, which also a bound may be: the count tells.
  return hasBounds(count) ? `${show(median)} (${show(low)} to ${show(high)})` : show(median);
}

/** With so many values a median has 95 % bounds. */
export const hasBounds = (count: number): boolean => medianBounds(Array(count).fill(0)) !== undefined;
