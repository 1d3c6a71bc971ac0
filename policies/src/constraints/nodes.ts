/** What the two nodes of a move must be: awake, not paused, with a full window; the target open for VMs. */
import type { Constraint } from './types.ts';

export const stale: Constraint = {
  code: 'stale',
  breaks: ({ from, to }) => [from, to].find(n => n.state !== 'awake')?.name,
};
export const paused: Constraint = {
  code: 'paused',
  breaks: ({ from, to }) => [from, to].find(n => n.paused)?.name,
};
export const window: Constraint = {
  code: 'window',
  breaks: ({ from, to }) => [from, to].find(n => !n.windowFull)?.name,
};
export const cordoned: Constraint = {
  code: 'cordoned',
  breaks: ({ to }) => (to.cordoned ? to.name : undefined),
};
export const mode: Constraint = {
  code: 'mode',
  breaks: ({ from, to }) =>
    from.mode === 'auto' && to.mode !== 'auto' ? `${to.name}: ${to.mode}` : undefined,
};
/** Packing needs one policy on both sides; a spread does not. */
export const policyDiffers: Constraint = {
  code: 'policy-differs',
  breaks: ({ from, to, move }) =>
    move.reason === 'consolidate' && from.policyHash !== to.policyHash
      ? `${from.name}, ${to.name}`
      : undefined,
};
