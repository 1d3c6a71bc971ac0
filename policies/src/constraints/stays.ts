/** A VM that is pinned, fixed by its spec, in a handoff, claimed by two, or not running stays where it is. */
import type { Constraint } from './types.ts';

export const pinned: Constraint = {
  code: 'pinned',
  breaks: ({ vm: { pinnedMs } }) =>
    pinnedMs > 0
      ? { words: `it is pinned for another ${pinnedMs} ms`, numbers: { leftMs: pinnedMs } }
      : undefined,
};
export const migrationNever: Constraint = {
  code: 'migration-never',
  breaks: ({ vm }) => (vm.migration === 'never' ? { words: 'its spec says migration: never' } : undefined),
};
export const moving: Constraint = {
  code: 'moving',
  breaks: ({ vm, earlier }) =>
    vm.moving || earlier.some(m => m.vm === vm.vm) ? { words: 'it is in a handoff already' } : undefined,
};
export const claimed: Constraint = {
  code: 'claimed',
  breaks({ vm, from, view }) {
    const living = view.nodes.filter(n => n.node !== from.node && n.state === 'awake');
    const rival = living.find(n => n.vms.some(v => v.vm === vm.vm));
    return rival && { words: `${rival.name} claims it too` };
  },
};
export const notRunning: Constraint = {
  code: 'not-running',
  breaks: ({ vm }) => (vm.state !== 'running' ? { words: `it is ${vm.state}` } : undefined),
};
/** Packing never moves a VM in backoff. */
export const backoff: Constraint = {
  code: 'backoff',
  breaks: ({ vm: { backoffMs }, move, config }) =>
    config.backoff === 'on' && move.reason === 'consolidate' && backoffMs > 0
      ? { words: `it rests for another ${backoffMs} ms`, numbers: { leftMs: backoffMs } }
      : undefined,
};
