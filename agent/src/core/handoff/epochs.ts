/** Claims of a VM are numbered, and no two nodes claim one with the same number. Pure. */

/**
 * What a resolved side adds to the epoch of its handoff. The other side may have gone on without hearing of it, and the
 * VM may have moved on from there: each move adds one, or two when it was taken back. So a resolved VM begins another
 * line of numbers, which one that is given up never reaches; and the two sides of a handoff begin different ones.
 */
export const RESOLVED = { source: 2 ** 16, target: 2 ** 17 } as const;

/**
 * Whether a target that yields to its resolved source still has the VM by that handoff, or by what it made of it since:
 * it may have offered the VM on and taken it back, or have been resolved itself. False: the VM came again later, from
 * the line that the source began.
 */
export function isGivenUp(epoch: number, offered: number): boolean {
  const since = epoch - offered;
  return since < RESOLVED.source || since >= RESOLVED.target;
}
