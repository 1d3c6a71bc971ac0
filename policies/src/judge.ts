/** Judges a plan: every constraint over every move, in the order of the moves. Empty = nothing is broken. */
import { antiAffinity } from './constraints/anti-affinity.ts';
import { cooldown, inflow, outflow } from './constraints/caps.ts';
import { fitsCpu } from './constraints/fits-cpu.ts';
import { fitsMemory } from './constraints/fits-memory.ts';
import { cordoned, mode, paused, policyDiffers, stale, window } from './constraints/nodes.ts';
import { backoff, claimed, migrationNever, moving, notRunning, pinned } from './constraints/stays.ts';
import { type Constraint, refusalOf } from './constraints/types.ts';
import type { Move, Refusal, ThresholdConfig, View } from './types.ts';

export const CONSTRAINTS: readonly Constraint[] = [
  fitsMemory,
  fitsCpu,
  pinned,
  migrationNever,
  moving,
  claimed,
  notRunning,
  backoff,
  stale,
  paused,
  window,
  cordoned,
  mode,
  policyDiffers,
  inflow,
  outflow,
  cooldown,
  antiAffinity,
];

/** What a target asks again of its own truth, which is newer than the reports that the move was decided on. */
export const OWN_TRUTH: readonly Constraint[] = [fitsCpu, cooldown, antiAffinity];

export function judge(
  view: View,
  config: ThresholdConfig,
  moves: readonly Move[],
  constraints: readonly Constraint[] = CONSTRAINTS,
): Refusal[] {
  return moves.flatMap((move, i) => {
    const from = view.nodes.find(n => n.node === move.from);
    const to = view.nodes.find(n => n.node === move.to);
    const vm = from?.vms.find(v => v.vm === move.vm);
    if (!from || !to || !vm || from === to) {
      return [
        {
          code: 'no-target' as const,
          vm: move.vm,
          node: move.to,
          numbers: {},
          sentence: `${move.name} cannot go from ${move.from} to ${move.to}: one of the three is not there`,
        },
      ];
    }
    const c = { move, vm, from, to, view, config, earlier: moves.slice(0, i) };
    return constraints.flatMap(constraint => {
      const broken = constraint.breaks(c);
      return broken ? [refusalOf(constraint.code, c, broken)] : [];
    });
  });
}
