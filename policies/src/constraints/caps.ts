/** A node takes part in so many handoffs at a time, and in none before its cooldown is over. */
import type { Constraint } from './types.ts';

export const inflow: Constraint = {
  code: 'inflow',
  breaks: ({ to, earlier, config }) =>
    to.inflow + earlier.filter(m => m.to === to.node).length >= config.maxInflow ? to.name : undefined,
};
export const outflow: Constraint = {
  code: 'outflow',
  breaks: ({ from, earlier, config }) =>
    from.outflow + earlier.filter(m => m.from === from.node).length >= config.maxOutflow
      ? from.name
      : undefined,
};
export const cooldown: Constraint = {
  code: 'cooldown',
  breaks: ({ view, from, to, config }) => {
    const nodes = config.cooldownScope === 'cluster' ? view.nodes : [from, to];
    return nodes.find(n => n.sinceRelocationMs >= 0 && n.sinceRelocationMs < config.cooldownMs)?.name;
  },
};
