/** A node's guests and the reserve fit into its memory, counting what the same plan brings. */
import { type Constraint, drift } from './types.ts';

export const fitsMemory: Constraint = {
  code: 'fits-memory',
  breaks(c) {
    const freeMib = c.to.memoryFreeMib - drift(c, c.to.node).mib - c.config.reserveMib;
    return freeMib < c.vm.memoryMib ? `${c.vm.memoryMib} MiB do not fit into ${freeMib} MiB` : undefined;
  },
};
