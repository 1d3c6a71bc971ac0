/** Moves and refusals in words, with numbers before → after. */
import type { NodeView, Projected, VmView } from './types.ts';

export const percent = (permille: number): string => `${Math.round(permille / 10)} %`;

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
