/** Options that benches share, read before anything is brought up. Each throws SHOAL_BENCH_ARGS with the option it is about. Pure. */
import { ShoalError } from '@shoal/agent/errors';

/** A whole number in digits alone: `1e3`, `0x10` and an empty word are none. */
export function number(option: string, value: string, most: number, least = 1): number {
  const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (parsed >= least && parsed <= most) return parsed;
  throw bad(
    `${value || 'an empty word'} is no whole number from ${least} to ${most}`,
    option,
    'Mend the option',
  );
}

export const bad = (what: string, option: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_BENCH_ARGS', what, option, todo);

/** A list with commas, each of them one of `all`, none twice: the same arm twice would be counted as one. */
export function choices<T extends string>(option: string, value: string, all: readonly T[]): T[] {
  const found = value.split(',').map(one => {
    const choice = all.find(known => known === one);
    if (choice) return choice;
    throw bad(`there is no ${one || 'empty word'}`, option, `Say ${all.join(', ')}`);
  });
  return once(option, found);
}

function once<T>(option: string, list: T[], name: (one: T) => string = String): T[] {
  const twice = list.find((one, i) => list.indexOf(one) !== i);
  if (twice === undefined) return list;
  throw bad(`${name(twice)} is there twice`, option, 'Name each once');
}

const PAGE = 4096;
const WINDOW_MOST = 67_108_864;

/** `32k,1m,auto` in bytes; 0 = it adapts. */
export function windows(option: string, value: string): number[] {
  const sizes = value.split(',').map(one => {
    if (one === 'auto') return 0;
    const [, digits, unit] = /^(\d+)([km])$/.exec(one) ?? [];
    const bytes = Number(digits) * (unit === 'm' ? 1 << 20 : 1 << 10);
    if (bytes >= PAGE && bytes <= WINDOW_MOST && bytes % PAGE === 0) return bytes;
    throw bad(`${one || 'an empty word'} is no window`, option, 'Say auto, or whole pages from 4k to 64m');
  });
  return once(option, sizes, windowName);
}

export const windowName = (bytes: number): string =>
  bytes === 0 ? 'auto' : bytes % (1 << 20) === 0 ? `${bytes >> 20}m` : `${bytes >> 10}k`;

/** As `tc` takes it, in bits: its `mbps` are bytes a second, which nobody means. `mayBeNone`: `none` is a link without a limit. */
export function link(option: string, value: string, mayBeNone = true): string {
  if (value === 'none' && mayBeNone) return value;
  const [, rate] = /^(\d+(?:\.\d+)?)[kmg]bit$/.exec(value) ?? [];
  if (Number(rate) > 0) return value;
  const todo = `Say a rate in bits a second, as 1gbit or 200mbit${mayBeNone ? ', or none' : ''}`;
  throw bad(`${value || 'an empty word'} is no rate of a link`, option, todo);
}

/** What is filled must fit in the guest, and some must be left to it: that little is known only there. */
export function fits(filled: number, memory: number): void {
  if (filled > memory)
    throw bad(
      `${filled} MiB do not fit in a guest of ${memory} MiB`,
      '--filled',
      'Fill less, or give it more --memory',
    );
}
