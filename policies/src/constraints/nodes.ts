/** What the two nodes of a move must be: awake, not paused, with a full window; the target open for VMs. */
import type { NodeView } from '../types.ts';
import type { Case, Constraint } from './types.ts';

/** Breaks when either node of the move is as described. */
const either = (is: (n: NodeView) => boolean, words: string) => ({
  breaks({ from, to }: Case) {
    const found = [from, to].find(is);
    return found && { words: `${found.name} ${words}` };
  },
});

export const stale: Constraint = { code: 'stale', ...either(n => n.state !== 'awake', 'is not awake') };
export const paused: Constraint = { code: 'paused', ...either(n => n.paused, 'is paused') };
export const window: Constraint = {
  code: 'window',
  ...either(n => !n.windowFull, 'has no whole window yet that no move has touched'),
};
export const cordoned: Constraint = {
  code: 'cordoned',
  breaks: ({ to }) => (to.cordoned ? { words: `${to.name} is cordoned` } : undefined),
};
export const mode: Constraint = {
  code: 'mode',
  breaks: ({ from, to }) =>
    from.mode === 'auto' && to.mode !== 'auto' ? { words: `${to.name} only ${to.mode}s` } : undefined,
};
/** Packing needs one policy on both sides; a spread does not. */
export const policyDiffers: Constraint = {
  code: 'policy-differs',
  breaks: ({ from, to, move }) =>
    move.reason === 'consolidate' && from.policyHash !== to.policyHash
      ? { words: 'the two nodes run different policies or parameters' }
      : undefined,
};
