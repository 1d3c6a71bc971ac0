/**
 * Where a restarted agent goes on, from the newest record it reads, which it first writes again (synced, read back).
 * `rebooted`: the node itself was restarted, so that no VMM of before can be alive.
 */
import type { SourceEffect, SourceState } from './source.ts';
import type { TargetEffect, TargetState } from './target.ts';

type Recovered<S, E> = { state: S; effects: E[] };

export function recoverSource(record: string, rebooted: boolean): Recovered<SourceState, SourceEffect> {
  switch (record) {
    case 'preparing':
      return { state: 'w-aborted', effects: ['write-aborted'] };
    case 'switching':
      // After a reboot the target may have been resolved to run it: ask first.
      return rebooted
        ? { state: 'rebooted', effects: ['send-ask'] }
        : { state: 'w-aborted', effects: ['write-aborted'] };
    case 'committed':
      return { state: 'committed', effects: ['restart-pages', 'send-run'] };
    case 'released':
      return {
        state: 'released',
        effects: ['end-pages', 'end-vmm', 'free-ram', 'clear-nonces', 'report-left', 'send-ended'],
      };
    case 'aborted':
      return { state: 'aborting', effects: ['end-pages', 'bring-back', 'send-abort'] };
    case 'retaken':
      return { state: 'retaking', effects: ['end-pages', 'bring-back'] };
    default:
      throw new Error(`assertion failed: ${record} is a record of a source`);
  }
}

export function recoverTarget(record: string): Recovered<TargetState, TargetEffect> {
  switch (record) {
    case 'accepted':
    case 'loading':
      return { state: 'w-not-run', effects: ['write-not-run'] };
    case 'ready':
      return { state: 'ready', effects: ['restart-pages', 'send-ready'] };
    case 'owner':
      // `cont` on a VMM that runs already changes nothing and answers the same.
      return { state: 'owner', effects: ['restart-pages', 'cont'] };
    case 'transferred':
      return {
        state: 'transferred',
        effects: ['end-pages', 'release-reservation', 'send-transferred', 'send-ended'],
      };
    case 'not-run':
      return {
        state: 'not-run',
        effects: ['drop-vm', 'end-pages', 'release-reservation', 'send-not-run', 'send-ended'],
      };
    default:
      throw new Error(`assertion failed: ${record} is a record of a target`);
  }
}
