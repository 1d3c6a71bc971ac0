/** No move makes an overload: below 90 % after a spread, below 90 % less the margin after a packing. */
import { type Constraint, drift } from './types.ts';

export const fitsCpu: Constraint = {
  code: 'fits-cpu',
  breaks(c) {
    const milli = c.to.cpuPermille * c.to.cores + drift(c, c.to.node).milli + c.vm.cpuMilli;
    const { overloadPermille, packMarginPermille } = c.config;
    const limit = c.move.reason === 'overload' ? overloadPermille : overloadPermille - packMarginPermille;
    const permille = Math.round(milli / c.to.cores);
    return permille >= limit ? `${c.to.name} would be at ${permille} of ${limit} permille` : undefined;
  },
};
