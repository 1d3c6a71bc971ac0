/**
 * Where a restarted agent goes on, from the newest record it reads, which it first writes again (synced, read back).
 * `rebooted`: the node itself was restarted since that record, so that no VMM of before can be alive, and the peer may
 * have been resolved to have the VM meanwhile. Whatever would let a guest run then asks first.
 */
import type { SourceEffect, SourceState } from './source-kinds.ts';
import type { TargetEffect, TargetState } from './target-kinds.ts';

type Recovered<S, E> = { state: S; effects: E[] };
export type RecoverSource = (record: string, rebooted: boolean) => Recovered<SourceState, SourceEffect>;
export type RecoverTarget = (record: string, rebooted: boolean) => Recovered<TargetState, TargetEffect>;

/** The states in which a node that was rebooted asks before it starts a VM, by the record it has read. */
const SOURCE_BACK: Record<string, SourceState> = {
  switching: 'rebooted',
  committed: 'memoryless',
  aborted: 'returned',
  resolved: 'returned-resolved',
};
const TARGET_BACK: Record<string, TargetState> = {
  owner: 'returned',
  transferred: 'returned',
  resolved: 'returned-resolved',
};

/** Whether a node that was rebooted must hold the VM that it has by that record until the peer has answered. */
export const holdsAfterReboot = (role: 'source' | 'target', record: string): boolean =>
  Object.hasOwn(role === 'source' ? SOURCE_BACK : TARGET_BACK, record);

export const recoverSource: RecoverSource = (record, rebooted) => {
  const back = rebooted ? SOURCE_BACK[record] : undefined;
  if (back) return { state: back, effects: ['send-ask'] };
  switch (record) {
    case 'preparing':
    case 'switching':
      return { state: 'w-aborted', effects: ['write-aborted'] };
    case 'committed':
      return { state: 'committed', effects: ['restart-pages', 'send-run'] };
    case 'released':
      return {
        state: 'released',
        effects: [
          'end-pages',
          'end-vmm',
          'free-ram',
          'clear-nonces',
          'report-left',
          'send-ended',
          'send-record',
        ],
      };
    case 'aborted':
      return { state: 'aborting', effects: ['end-pages', 'bring-back', 'send-abort'] };
    case 'retaken':
      return { state: 'retaking', effects: ['end-pages', 'bring-back'] };
    case 'resolved':
      return {
        state: 'resolved',
        effects: ['end-pages', 'end-vmm', 'free-ram', 'clear-nonces', 'report-resolved', 'send-record'],
      };
    default:
      throw new Error(`assertion failed: ${record} is a record of a source`);
  }
};

export const recoverTarget: RecoverTarget = (record, rebooted) => {
  const back = rebooted ? TARGET_BACK[record] : undefined;
  if (back) return { state: back, effects: ['send-ask'] };
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
    case 'resolved':
      return {
        state: 'resolved',
        effects: ['end-pages', 'drop-vm', 'report-resolved', 'release-reservation', 'send-transferred'],
      };
    case 'yielded':
      return {
        state: 'yielded',
        effects: ['drop-vm', 'end-pages', 'report-left', 'release-reservation', 'send-not-run', 'send-ended'],
      };
    default:
      throw new Error(`assertion failed: ${record} is a record of a target`);
  }
};
