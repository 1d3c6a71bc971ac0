/** Which arms `bench handoff` compares, out of its options. Throws SHOAL_BENCH_ARGS. Pure. */
import type { Arm } from './one-move.ts';
import { bad, choices } from './options.ts';
import { armsOf } from './pairs.ts';

const ENGINES = ['postcopy', 'warm', 'precopy', 'qemu-postcopy', 'qemu-direct', 'qemu-preempt'] as const;
const ORDERS = ['hot', 'windows', 'sequential'] as const;
const COMPRESSIONS = ['auto', 'off', 'on'] as const;

export type ArmOptions = { engines: string; order: string; compression: string };

export function handoffArms({ engines, order, compression }: ArmOptions): Arm[] {
  const chosen = choices('--engines', engines, ENGINES);
  const orders = order === '' ? [] : choices('--order', order, ORDERS);
  const packings = compression === '' ? [] : choices('--compression', compression, COMPRESSIONS);
  for (const [option, variants] of [
    ['--order', orders],
    ['--compression', packings],
  ] as const)
    if (variants.length > 0 && !chosen.includes('postcopy'))
      throw bad(
        'it is of postcopy alone, which does not take part',
        option,
        'Name postcopy in --engines too',
      );
  return armsOf(chosen, [...orders, ...packings.map(value => `compression-${value}` as const)]);
}
