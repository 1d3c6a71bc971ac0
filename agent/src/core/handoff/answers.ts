/** What each state says to a peer that asks or comes late: where we stand, in the peer's own terms. Pure. */
import type { SourceState } from './source-kinds.ts';
import type { TargetState } from './target-kinds.ts';

export type SourceAnswer = 'run' | 'abort' | 'ended' | 'record';
export type TargetAnswer = 'ready' | 'running' | 'transferred' | 'not-run' | 'record';

export function sourceAnswer(state: SourceState): SourceAnswer {
  switch (state) {
    case 'committed':
    case 'transferring':
      return 'run';
    case 'aborting':
    case 'aborted':
    case 'w-retaken':
    case 'retaking':
    case 'retaken':
    case 'returned':
    // No record: what was never begun, or what both sides have acknowledged as ended.
    case 'gone':
      return 'abort';
    case 'released':
      return 'ended';
    default:
      return 'record';
  }
}

export function targetAnswer(state: TargetState): TargetAnswer {
  switch (state) {
    case 'ready':
      return 'ready';
    case 'running':
    case 'lost':
    case 'w-transferred':
      return 'running';
    case 'transferred':
    case 'resolved':
      return 'transferred';
    case 'not-run':
    case 'yielded':
      return 'not-run';
    default:
      return 'record';
  }
}

/** The newest record on the disk that a state stands for; `none` before the first. */
export const sourceRecord = (state: SourceState): string =>
  ({
    offered: 'none',
    'w-preparing': 'none',
    preparing: 'preparing',
    connecting: 'preparing',
    'w-switching': 'preparing',
    switching: 'switching',
    'switching-done': 'switching',
    'switching-ready': 'switching',
    'w-committed': 'switching',
    committed: 'committed',
    memoryless: 'committed',
    transferring: 'committed',
    'w-released': 'committed',
    released: 'released',
    'w-aborted': 'switching',
    aborting: 'aborted',
    aborted: 'aborted',
    'w-retaken': 'committed',
    retaking: 'retaken',
    retaken: 'retaken',
    // Of these two nothing is on the disk of this boot yet: no record that decides anything at the target.
    'w-resolved': 'switching',
    rebooted: 'switching',
    resolved: 'resolved',
    returned: 'aborted',
    'returned-resolved': 'was-resolved',
    gone: 'none',
  })[state];

export const targetRecord = (state: TargetState): string =>
  ({
    judging: 'none',
    'w-accepted': 'none',
    accepted: 'accepted',
    'w-loading': 'accepted',
    loading: 'loading',
    'w-ready': 'loading',
    ready: 'ready',
    'w-owner': 'ready',
    owner: 'owner',
    running: 'owner',
    lost: 'owner',
    'w-transferred': 'owner',
    transferred: 'transferred',
    'w-not-run': 'loading',
    'not-run': 'not-run',
    'w-resolved': 'ready',
    resolved: 'resolved',
    returned: 'owner',
    'returned-resolved': 'was-resolved',
    'w-yielded': 'owner',
    yielded: 'yielded',
    gone: 'none',
  })[state];

/** Both know that the other may or may not have gone on: nobody may decide alone. Shown when it lasts. */
export const maybeInDoubt = (state: SourceState | TargetState): boolean => IN_DOUBT.includes(state);

const IN_DOUBT: (SourceState | TargetState)[] = [
  'committed',
  'memoryless',
  'ready',
  'w-owner',
  'rebooted',
  'returned',
  'returned-resolved',
];

/**
 * No clock ends these, and only the peer or its pages do: while the peer speaks all is well; once it is silent nobody
 * knows how this ends.
 */
export const waitsForPeer = (state: string): boolean => ['transferring', 'serving', 'owner'].includes(state);

/** What a source makes of a `record` of its target, by the state that it names. */
export function recordOfTarget(state: string): 'no-record' | 'was-resolved' | 'record' {
  if (state === 'none') return 'no-record';
  return state === 'was-resolved' ? state : 'record';
}

/** What a target makes of a `record` of its source, by the state that it names. */
export function recordOfSource(
  state: string,
): 'no-record' | 'committed' | 'released' | 'resolved' | 'was-resolved' | 'record' {
  switch (state) {
    case 'none':
      return 'no-record';
    case 'committed':
    case 'released':
    case 'resolved':
    case 'was-resolved':
      return state;
    default:
      return 'record';
  }
}

/**
 * What a node says to a message about a handoff that it has no part in (never had, or both sides have ended it): to a
 * target that waits for a source, that the source never committed; to all others that there is nothing here. Nothing
 * for `record` and `refuse`, so that two forgetful nodes fall silent.
 */
export function strangerAnswer(type: string): 'abort' | 'no-record' | 'nothing' {
  if (type === 'accept' || type === 'listening' || type === 'ready') return 'abort';
  return type === 'record' || type === 'refuse' ? 'nothing' : 'no-record';
}
