/** A node takes part in so many handoffs at a time, and in none before its cooldown is over. */
import type { Constraint } from './types.ts';

export const inflow: Constraint = {
  code: 'inflow',
  breaks({ to, earlier, config }) {
    const now = to.inflow + earlier.filter(m => m.to === to.node).length;
    if (now < config.maxInflow) return undefined;
    const words = `${now} VMs are coming to ${to.name}, ${config.maxInflow} at a time are allowed`;
    return { words, numbers: { now, max: config.maxInflow } };
  },
};
export const outflow: Constraint = {
  code: 'outflow',
  breaks({ from, earlier, config }) {
    const now = from.outflow + earlier.filter(m => m.from === from.node).length;
    if (now < config.maxOutflow) return undefined;
    const words = `${now} VMs are leaving ${from.name}, ${config.maxOutflow} at a time are allowed`;
    return { words, numbers: { now, max: config.maxOutflow } };
  },
};
export const cooldown: Constraint = {
  code: 'cooldown',
  breaks({ view, from, to, config }) {
    const nodes = config.cooldownScope === 'cluster' ? view.nodes : [from, to];
    const since = nodes
      .filter(n => n.sinceRelocationMs >= 0)
      .map(n => config.cooldownMs - n.sinceRelocationMs);
    const leftMs = Math.max(0, ...since);
    return leftMs > 0 ? { words: `the cooldown has ${leftMs} ms left`, numbers: { leftMs } } : undefined;
  },
};
