/** Options that benches share, read. Each throws SHOAL_BENCH_ARGS with the option it is about. Pure. */
import { ShoalError } from '@shoal/agent/errors';

export function number(option: string, value: string, most: number, least = 1): number {
  const parsed = Number(value);
  if (Number.isInteger(parsed) && parsed >= least && parsed <= most) return parsed;
  throw bad(`${value} is no number from ${least} to ${most}`, option, 'Mend the option');
}

export const bad = (what: string, option: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_BENCH_ARGS', what, option, todo);

/** A list with commas, each of them one of `all`. */
export function choices<T extends string>(option: string, value: string, all: readonly T[]): T[] {
  return value.split(',').map(one => {
    const found = all.find(known => known === one);
    if (found) return found;
    throw bad(`there is no ${one || 'empty word'}`, option, `Say ${all.join(', ')}`);
  });
}

const PAGE = 4096;
const WINDOW_MOST = 67_108_864;

/** `32k,1m,auto` in bytes; 0 = it adapts. */
export function windows(option: string, value: string): number[] {
  return value.split(',').map(one => {
    if (one === 'auto') return 0;
    const [, digits, unit] = /^(\d+)([km])$/.exec(one) ?? [];
    const bytes = Number(digits) * (unit === 'm' ? 1 << 20 : 1 << 10);
    if (bytes >= PAGE && bytes <= WINDOW_MOST && bytes % PAGE === 0) return bytes;
    throw bad(`${one} is no window`, option, 'Say auto, or whole pages from 4k to 64m');
  });
}

export const windowName = (bytes: number): string =>
  bytes === 0 ? 'auto' : bytes % (1 << 20) === 0 ? `${bytes >> 20}m` : `${bytes >> 10}k`;
