/** A VM that is pinned, fixed by its spec, in a handoff, or not running stays where it is. */
import type { Constraint } from './types.ts';

export const pinned: Constraint = {
  code: 'pinned',
  breaks: ({ vm }) => (vm.pinnedMs > 0 ? `pinned for ${vm.pinnedMs} ms` : undefined),
};
export const migrationNever: Constraint = {
  code: 'migration-never',
  breaks: ({ vm }) => (vm.migration === 'never' ? 'migration: never' : undefined),
};
export const moving: Constraint = {
  code: 'moving',
  breaks: ({ vm, earlier }) =>
    vm.moving || earlier.some(m => m.vm === vm.vm) ? 'it is in a handoff already' : undefined,
};
export const notRunning: Constraint = {
  code: 'not-running',
  breaks: ({ vm }) => (vm.state !== 'running' ? `it is ${vm.state}` : undefined),
};
/** Packing never moves a VM in backoff. */
export const backoff: Constraint = {
  code: 'backoff',
  breaks: ({ vm, move }) =>
    move.reason === 'consolidate' && vm.backoffMs > 0 ? `${vm.backoffMs} ms left` : undefined,
};
