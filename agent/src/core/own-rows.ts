/**
 * The rows of a decision that are this node's to carry out, held against what it knows of itself now: its last report,
 * which the decision rests on, may be a second old. What is held is said, with its reason (policy.md, Explain).
 */
import type { Move, Refusal } from '@shoal/policies';
import type { Outgoing } from './crossing.ts';

export type Held = Omit<Refusal, 'code'> & { code: 'resting' | 'moving' | 'outflow' | 'yield' };

export type OwnHandoffs = {
  /** Handoffs toward this node that have not ended. */
  inflow: number;
  outgoing: readonly Outgoing[];
  maxOutflow: number;
  moving(vm: string): boolean;
  /** Left of the VM's rest after three refusals, ms. */
  restMs(vm: string): number;
};

export function ownRows(
  moves: readonly Move[],
  self: string,
  own: OwnHandoffs,
): { go: Move[]; held: Held[] } {
  const go: Move[] = [];
  const held: Held[] = [];
  for (const move of moves.filter(m => m.from === self)) {
    const why = hindrance(move, own, own.outgoing.length + go.length);
    if (why) held.push(why);
    else go.push(move);
  }
  return { go, held };
}

function hindrance(move: Move, own: OwnHandoffs, outflow: number): Held | undefined {
  const no = (code: Held['code'], numbers: Record<string, number>, words: string): Held => ({
    code,
    vm: move.vm,
    node: move.from,
    numbers,
    sentence: `${move.name} ${words}`,
  });
  const leftMs = Math.round(own.restMs(move.vm));
  if (leftMs > 0)
    return no('resting', { leftMs }, `was refused three times: nobody is asked for another ${leftMs} ms`);
  if (own.moving(move.vm)) return no('moving', {}, 'is in a handoff');
  const max = own.maxOutflow;
  if (outflow >= max)
    return no(
      'outflow',
      { now: outflow, max },
      `waits: ${outflow} of ${max} handoffs at a time leave already`,
    );
  // A node taking part in a handoff is not packed away meanwhile (handoff.md): two nodes would swap their VMs.
  if (move.reason === 'consolidate' && own.inflow > 0)
    return no('yield', { inflow: own.inflow }, 'waits: a VM is on its way to this node');
  return undefined;
}
