/** Moves and refusals in words, with numbers before → after. */
import type { NodeView, Projected, VmView } from './types.ts';

/** One decimal where there is one: 89.9 % is not 90 %, and the rule tells them apart. */
export const percent = (permille: number): string => `${permille / 10} %`;

/** Rounded down, so that what must last 8 s never reads as lasted before it has. */
export const seconds = (ms: number): string => `${Math.floor(ms / 100) / 10} s`;

export const count = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? '' : 's'}`;

export function moveSentence(
  vm: VmView,
  from: NodeView,
  to: NodeView,
  projected: Projected[],
  why: string,
): string {
  const [a, b] = projected as [Projected, Projected];
  const range = (p: Projected) => `${percent(p.cpuBefore)} → ${percent(p.cpuAfter)}`;
  return `${vm.name} leaves ${from.name} (${range(a)}) for ${to.name} (${range(b)}): ${why}`;
}

/** More nodes than this are a list that nobody reads; the record names them all (`candidates`). */
const REASONS_MAX = 4;

export function reasons(sentences: readonly string[]): string {
  if (sentences.length === 0) return 'there is no other node';
  const more = sentences.length - REASONS_MAX;
  return sentences.slice(0, REASONS_MAX).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
