/**
 * A constraint judges one move of a plan again: other code than the code that decided (btrplace's habit). It sees the
 * plan's earlier moves carried out on paper.
 */
import type { Move, NodeView, Refusal, RefusalCode, ThresholdConfig, View, VmView } from '../types.ts';

export type Case = {
  move: Move;
  vm: VmView;
  from: NodeView;
  to: NodeView;
  view: View;
  config: ThresholdConfig;
  /** Moves of the same plan that come before this one. */
  earlier: Move[];
};

export type Broken = { words: string; numbers?: Record<string, number> };

export type Constraint = { code: RefusalCode; breaks(c: Case): Broken | undefined };

export const refusalOf = (code: RefusalCode, c: Case, { words, numbers = {} }: Broken): Refusal => ({
  code,
  vm: c.move.vm,
  node: c.move.to,
  numbers,
  sentence: `${c.vm.name} may not go from ${c.from.name} to ${c.to.name}: ${words}`,
});

/** Milli-cores and MiB that earlier moves bring to a node, less what they take from it. */
export function drift(c: Case, node: string): { milli: number; mib: number } {
  const sum = { milli: 0, mib: 0 };
  for (const m of c.earlier) {
    const vm = c.view.nodes.flatMap(n => n.vms).find(v => v.vm === m.vm);
    if (!vm) continue;
    const sign = m.to === node ? 1 : m.from === node ? -1 : 0;
    sum.milli += sign * vm.cpuMilli;
    sum.mib += sign * vm.memoryMib;
  }
  return sum;
}
