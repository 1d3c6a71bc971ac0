/** Medians and bounds of few runs. Pure. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return -1;
  const [low = 0, high = 0] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}

export const bounds = (values: readonly number[]): { min: number; max: number } =>
  values.length ? { min: Math.min(...values), max: Math.max(...values) } : { min: -1, max: -1 };
