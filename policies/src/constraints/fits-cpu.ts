/** No move makes an overload: below 90 % after a spread, below 90 % less the margin after a packing. */
import { type Constraint, drift } from './types.ts';

export const fitsCpu: Constraint = {
  code: 'fits-cpu',
  breaks(c) {
    const milli = c.to.cpuPermille * c.to.cores + drift(c, c.to.node).milli + c.vm.cpuMilli;
    const { overloadPermille, packMarginPermille } = c.config;
    const limit = c.move.reason === 'overload' ? overloadPermille : overloadPermille - packMarginPermille;
    const after = Math.round(milli / c.to.cores);
    if (after < limit) return undefined;
    const words = `${c.to.name} would be at ${after} permille, ${limit} is the limit`;
    return { words, numbers: { after, limit } };
  },
};
