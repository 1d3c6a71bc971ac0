/**
 * Whether this node lets another one sleep, by its own view and truth (docs/decisions/0026). Every member is asked and every one must
 * say yes, so that of two nodes that want to sleep at once each has the other's word. Pure.
 */
import type { Decision } from '@shoal/policies';
import type { AsleepEntry } from './entry.ts';
import type { PowerState } from './table.ts';

export type FarewellCode = 'entry' | 'first' | 'going' | 'handoff' | 'paused' | 'not-by-rule' | 'last';
export type FarewellVerdict =
  /** `yield`: this node's own farewell is taken back for it. */
  { yes: true; yield: boolean } | { yes: false; code: FarewellCode; detail: string };

export type FarewellTruth = {
  self: string;
  /** Of this node. */
  state: PowerState;
  pausedMs: number;
  /** Of the sleeper's life that is known here; 0: none. */
  incarnation: number;
  /** Handoffs, offers and reservations of this node with the sleeper. */
  handoffs: number;
  /** Members that are awake by their fresh reports, this one and the sleeper among them. */
  awake: number;
  /** Of the rule, on this node's view, in which the sleeper is awake still. */
  decision: Pick<Decision, 'suspend' | 'moves' | 'wake'>;
};

const no = (code: FarewellCode, detail: string): FarewellVerdict => ({ yes: false, code, detail });

/** `isManual`: a person wants it asleep, so that the rule is not asked; what would harm a VM still counts. */
export function judgeFarewell(
  sleeper: string,
  entry: AsleepEntry | undefined,
  isManual: boolean,
  own: FarewellTruth,
): FarewellVerdict {
  if (!entry) return no('entry', 'its entry cannot be read here');
  if (entry.incarnation < own.incarnation)
    return no('entry', `it speaks of life ${entry.incarnation}, and life ${own.incarnation} was heard`);
  if (own.state === 'asleep') return no('going', 'this node is about to sleep itself');
  const rivals = own.state === 'announcing';
  if (rivals && own.self > sleeper) return no('first', 'this node has said farewell too, and goes first');
  if (own.handoffs > 0) return no('handoff', 'a handoff with it is under way or offered');
  if (own.awake < 2) return no('last', 'nobody else is awake');
  if (isManual) return { yes: true, yield: rivals };
  if (own.pausedMs > 0) return no('paused', 'moves are paused here');
  const { moves, wake, suspend } = own.decision;
  if (moves.length + wake.length > 0) return no('not-by-rule', 'the rule wants to move VMs');
  if (!suspend.includes(sleeper)) return no('not-by-rule', 'by the rule it stays awake');
  return { yes: true, yield: rivals };
}
