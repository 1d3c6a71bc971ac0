/**
 * The target's half of a handoff. It may give up alone (`not-run`, final) until `owner` is on its disk; `owner` plus an
 * executed `cont` is the point of no return.
 */
import type { Cell, Table } from './cells.ts';
import type { TargetEffect, TargetEvent, TargetState } from './target-kinds.ts';

export type { TargetEffect, TargetEvent, TargetState };

type TCell = Cell<TargetState, TargetEffect>;
const go = (to: TargetState, ...effects: TargetEffect[]): TCell => ({ to, do: effects });

const giveUp = go('w-not-run', 'write-not-run');

const forget = go('gone', 'send-ended', 'forget');
const lose = go('lost', 'report-memory-lost', 'end-vmm');
const own = go('w-transferred', 'report-lost', 'write-transferred');
const resolve = go('w-resolved', 'write-resolved');
const resolved = go(
  'resolved',
  'end-pages',
  'drop-vm',
  'report-resolved',
  'release-reservation',
  'send-transferred',
);
const yielding = go('w-yielded', 'write-yielded');
const yielded = go(
  'yielded',
  'drop-vm',
  'end-pages',
  'report-left',
  'release-reservation',
  'send-not-run',
  'send-ended',
);

const LATE: Record<TargetEvent, TCell> = {
  run: 'answer',
  // Where it is too late it is told by what this side says anyway: two answers could answer one another for ever.
  abort: 'ignore',
  ask: 'answer',
  record: 'ignore',
  'no-record': 'ignore',
  committed: 'ignore',
  released: 'ignore',
  resolved: 'ignore',
  'was-resolved': 'ignore',
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
  'pages-lost': 'ignore',
  'pages-exit': 'ignore',
  deadline: 'ignore',
  resend: 'ignore',
  cancel: 'ignore',
  resolve: 'ignore',
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
    resolved: giveUp,
    'was-resolved': giveUp,
    'vmm-exit': giveUp,
    'pages-exit': go('ready', 'restart-pages'),
    cancel: giveUp,
    resend: go('ready', 'send-ready'),
    resolve,
  },
  'w-owner': {
    ...writing(LATE, 'w-owner', go('owner', 'cont')),
    run: 'ignore',
    'vmm-exit': giveUp,
    'pages-exit': go('w-owner', 'restart-pages'),
  },
  owner: {
    ...LATE,
    'cont-ok': go('running', 'report-gained', 'announce', 'send-running'),
    'cont-refused-never-ran': giveUp,
    'cont-refused': 'ignore',
    'vmm-exit': go('w-transferred', 'report-lost', 'write-transferred'),
    'pages-exit': go('owner', 'restart-pages'),
    run: 'ignore',
    resend: go('owner', 'cont'),
    resolve: go('lost', 'end-vmm'),
  },
  running: {
    ...LATE,
    'vmm-exit': go('w-transferred', 'write-transferred'),
    'pages-complete': go('w-transferred', 'write-transferred'),
    'pages-exit': go('running', 'restart-pages'),
    // It has ended before it was told that all pages are here: its memory is gone. They may all be here none the less.
    released: go('running', 'ask-pages'),
    'no-record': go('running', 'ask-pages'),
    ended: go('running', 'ask-pages'),
    'pages-lost': lose,
    resend: go('running', 'send-running'),
    resolve: lose,
  },
  // The guest waits for pages that nobody has: like a power failure of its own.
  lost: {
    ...LATE,
    'vmm-exit': go('w-transferred', 'report-lost', 'write-transferred'),
    resend: go('lost', 'end-vmm'),
  },
  'w-transferred': writing(
    LATE,
    'w-transferred',
    go('transferred', 'report-healthy', 'send-transferred', 'end-pages', 'release-reservation', 'send-ended'),
  ),
  transferred: {
    ...LATE,
    released: forget,
    'no-record': forget,
    ended: forget,
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
    abort: 'answer',
    'no-record': forget,
    ended: forget,
    resend: go('not-run', 'send-not-run', 'send-ended'),
  },
  // The memory of before is thrown away: a source that is off now may have run the guest since.
  'w-resolved': writing({ ...LATE, run: 'ignore', abort: 'ignore' }, 'w-resolved', resolved),
  // The source's `ended` alone does not say how it ended: only its `released` lets this be forgotten.
  resolved: {
    ...LATE,
    released: forget,
    'no-record': forget,
    resend: go('resolved', 'send-transferred'),
  },
  // Rebooted: the guest is gone, and meanwhile the source may have been resolved to have the VM. Ask, never guess.
  returned: {
    ...LATE,
    run: own,
    committed: own,
    released: own,
    'no-record': own,
    ended: own,
    resolved: yielding,
    'was-resolved': yielding,
    resend: go('returned', 'send-ask'),
    resolve,
  },
  'returned-resolved': {
    ...LATE,
    run: resolve,
    committed: resolve,
    released: resolve,
    'no-record': resolve,
    // It has it now. One that only had it once asks like this one: the next word is an operator's.
    resolved: yielding,
    resend: go('returned-resolved', 'send-ask'),
    resolve,
  },
  'w-yielded': writing({ ...LATE, run: 'ignore', abort: 'ignore' }, 'w-yielded', yielded),
  yielded: {
    ...LATE,
    'no-record': forget,
    ended: forget,
    resend: go('yielded', 'send-not-run', 'send-ended'),
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
