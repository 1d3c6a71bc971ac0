/** A node's guests fit into its memory, counting what the same plan brings. */
import { type Constraint, drift } from './types.ts';

export const fitsMemory: Constraint = {
  code: 'fits-memory',
  breaks(c) {
    const freeMib = c.to.memoryFreeMib - drift(c, c.to.node).mib;
    const needMib = c.vm.memoryMib;
    if (freeMib >= needMib) return undefined;
    return { words: `${freeMib} MiB are free, it needs ${needMib} MiB`, numbers: { freeMib, needMib } };
  },
};
