/**
 * The target's half of a handoff. It may give up alone (`not-run`, final) until `owner` is on its disk; `owner` plus an
 * executed `cont` is the point of no return.
 */
import type { Cell, Table } from './cells.ts';

export type TargetState =
  | 'judging'
  | 'w-accepted'
  | 'accepted'
  | 'w-loading'
  | 'loading'
  | 'w-ready'
  | 'ready'
  | 'w-owner'
  | 'owner'
  | 'running'
  | 'w-transferred'
  | 'transferred'
  | 'w-not-run'
  | 'not-run'
  | 'gone';

export type TargetEvent =
  // the source's words
  | 'run'
  | 'abort'
  | 'ask'
  | 'record'
  | 'ended'
  // this node's own verdict
  | 'judged-yes'
  | 'judged-no'
  // the journal's
  | 'written'
  | 'write-failed'
  // VMM and page server; `prepared`: the VMM waits for the stream and the page server listens
  | 'prepared'
  | 'prepare-failed'
  | 'loaded'
  | 'load-failed'
  | 'cont-ok'
  // `never-ran`: refused, and the run state shows that the guest never ran here
  | 'cont-refused-never-ran'
  | 'cont-refused'
  | 'vmm-exit'
  | 'pages-complete'
  | 'pages-exit'
  // time and people
  | 'deadline'
  | 'resend'
  | 'cancel';

export type TargetEffect =
  | 'write-accepted'
  | 'write-loading'
  | 'write-ready'
  | 'write-owner'
  | 'write-transferred'
  | 'write-not-run'
  | 'write-again'
  | 'send-accept'
  | 'send-refuse'
  | 'send-listening'
  | 'send-ready'
  | 'send-running'
  | 'send-transferred'
  | 'send-not-run'
  | 'send-ended'
  | 'prepare'
  | 'start-deadline'
  | 'stop-deadline'
  | 'cont'
  | 'announce'
  | 'restart-pages'
  | 'end-pages'
  | 'drop-vm'
  | 'release-reservation'
  | 'report-gained'
  | 'report-lost'
  | 'report-healthy'
  | 'forget';

type TCell = Cell<TargetState, TargetEffect>;
const go = (to: TargetState, ...effects: TargetEffect[]): TCell => ({ to, do: effects });

const giveUp = go('w-not-run', 'write-not-run');

const LATE: Record<TargetEvent, TCell> = {
  run: 'answer',
  abort: 'answer',
  ask: 'answer',
  record: 'ignore',
  ended: 'ignore',
  'judged-yes': 'ignore',
  'judged-no': 'ignore',
  written: 'ignore',
  'write-failed': 'ignore',
  prepared: 'ignore',
  'prepare-failed': 'ignore',
  loaded: 'ignore',
  'load-failed': 'ignore',
  'cont-ok': 'ignore',
  'cont-refused-never-ran': 'ignore',
  'cont-refused': 'ignore',
  'vmm-exit': 'ignore',
  'pages-complete': 'ignore',
  'pages-exit': 'ignore',
  deadline: 'ignore',
  resend: 'ignore',
  cancel: 'ignore',
};

/** Before `owner` the target may give up, for ever: it never ran the VM and never will. */
const ALONE: Record<TargetEvent, TCell> = {
  ...LATE,
  abort: giveUp,
  'prepare-failed': giveUp,
  'load-failed': giveUp,
  'vmm-exit': giveUp,
  'pages-exit': giveUp,
  deadline: giveUp,
  cancel: giveUp,
};

const writing = (base: Record<TargetEvent, TCell>, state: TargetState, written: TCell) => ({
  ...base,
  written,
  'write-failed': 'ignore' as const,
  resend: go(state, 'write-again'),
});

export const TARGET: Table<TargetState, TargetEvent, TargetEffect> = {
  judging: {
    ...LATE,
    abort: go('gone', 'release-reservation'),
    'judged-yes': go('w-accepted', 'write-accepted'),
    'judged-no': go('gone', 'send-refuse', 'release-reservation'),
    cancel: go('gone', 'send-refuse', 'release-reservation'),
  },
  'w-accepted': writing(ALONE, 'w-accepted', go('accepted', 'start-deadline', 'send-accept', 'prepare')),
  accepted: { ...ALONE, prepared: go('w-loading', 'write-loading'), resend: go('accepted', 'send-accept') },
  'w-loading': writing(ALONE, 'w-loading', go('loading', 'send-listening')),
  loading: { ...ALONE, loaded: go('w-ready', 'write-ready'), resend: go('loading', 'send-listening') },
  'w-ready': writing(ALONE, 'w-ready', go('ready', 'stop-deadline', 'send-ready')),
  // The source may have committed: no clock ends this, only `run`, `abort`, the VMM's death, or an operator.
  ready: {
    ...LATE,
    run: go('w-owner', 'write-owner'),
    abort: giveUp,
    'vmm-exit': giveUp,
    'pages-exit': go('ready', 'restart-pages'),
    cancel: giveUp,
    resend: go('ready', 'send-ready'),
  },
  'w-owner': { ...writing(LATE, 'w-owner', go('owner', 'cont')), run: 'ignore', 'vmm-exit': giveUp },
  owner: {
    ...LATE,
    'cont-ok': go('running', 'report-gained', 'announce', 'send-running'),
    'cont-refused-never-ran': giveUp,
    'cont-refused': 'ignore',
    'vmm-exit': go('w-transferred', 'report-lost', 'write-transferred'),
    'pages-exit': go('owner', 'restart-pages'),
    run: 'ignore',
    resend: go('owner', 'cont'),
  },
  running: {
    ...LATE,
    'vmm-exit': go('w-transferred', 'write-transferred'),
    'pages-complete': go('w-transferred', 'write-transferred'),
    'pages-exit': go('running', 'restart-pages'),
    resend: go('running', 'send-running'),
  },
  'w-transferred': writing(
    LATE,
    'w-transferred',
    go('transferred', 'report-healthy', 'send-transferred', 'end-pages', 'release-reservation', 'send-ended'),
  ),
  transferred: {
    ...LATE,
    ended: go('gone', 'send-ended', 'forget'),
    resend: go('transferred', 'send-transferred', 'send-ended'),
  },
  // Written first, the VMM ended after: a VMM that is gone without a record could not be told from one that ran.
  'w-not-run': writing(
    { ...LATE, run: 'ignore', abort: 'ignore', ask: 'ignore' },
    'w-not-run',
    go('not-run', 'drop-vm', 'end-pages', 'release-reservation', 'send-not-run', 'send-ended'),
  ),
  'not-run': {
    ...LATE,
    ended: go('gone', 'send-ended', 'forget'),
    resend: go('not-run', 'send-not-run', 'send-ended'),
  },
  gone: LATE,
};

/**
 * Effects that do harm once the state that asked for them has passed: then they are dropped. A second `cont` behind a
 * refused one would run a guest that `not-run` is just being written for (found by explore.test.ts).
 */
export const TARGET_ONLY_IN: Partial<Record<TargetEffect, readonly TargetState[]>> = {
  prepare: ['accepted'],
  cont: ['owner'],
};
