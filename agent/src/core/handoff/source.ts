/**
 * The source's half of a handoff: every state, every event, every cell decided. It decides alone until `committed` is
 * on its disk, which needs its own VMM in `postmigrate` *and* the target's `ready`; from then on it must ask.
 */
import type { Cell, Table } from './cells.ts';
import type { SourceEffect, SourceEvent, SourceState } from './source-kinds.ts';

export type { SourceEffect, SourceEvent, SourceState };

type SCell = Cell<SourceState, SourceEffect>;
const go = (to: SourceState, ...effects: SourceEffect[]): SCell => ({ to, do: effects });

const abort = go('w-aborted', 'write-aborted');
const gone = go('gone', 'clear-nonces', 'end-pages', 'report-refused');
const release = go('w-released', 'write-released');
const released = go('released', 'send-ended', 'send-record');
const forget = go('gone', 'send-ended', 'forget');
const resolve = go('w-resolved', 'write-resolved');
const resolved = go(
  'resolved',
  'end-pages',
  'end-vmm',
  'free-ram',
  'clear-nonces',
  'report-resolved',
  'send-record',
);
const withdrawn = go('gone', 'send-abort', 'clear-nonces', 'end-pages', 'report-refused');

/** Words of the target that come too early or too late; what VMM and page server do is not ours to care for. */
const LATE: Record<SourceEvent, SCell> = {
  accept: 'ignore',
  refuse: 'ignore',
  listening: 'ignore',
  ready: 'answer',
  running: 'answer',
  transferred: 'answer',
  'not-run': 'ignore',
  ask: 'answer',
  record: 'ignore',
  'no-record': 'ignore',
  'was-resolved': 'ignore',
  ended: 'ignore',
  written: 'ignore',
  'write-failed': 'ignore',
  'pre-switchover': 'ignore',
  postmigrate: 'ignore',
  'stream-failed': 'ignore',
  'guest-runs': 'ignore',
  'vmm-exit': 'ignore',
  'pages-up': 'ignore',
  'pages-exit': 'ignore',
  deadline: 'ignore',
  resend: 'ignore',
  cancel: 'ignore',
  resolve: 'ignore',
};

/** Before `committed` the source decides alone: whatever breaks, and whenever it is told to, it aborts. */
const ALONE: Record<SourceEvent, SCell> = {
  ...LATE,
  refuse: abort,
  'not-run': abort,
  'stream-failed': abort,
  'vmm-exit': abort,
  'pages-exit': abort,
  deadline: abort,
  cancel: abort,
};

/**
 * This node was rebooted: its guest is gone, and meanwhile the target may have been resolved to have the VM. So it asks,
 * and never guesses. A target that says to *this* life of the agent that it has not begun will find a record here.
 */
const BACK: Record<SourceEvent, SCell> = {
  ...LATE,
  accept: abort,
  refuse: abort,
  listening: abort,
  ready: abort,
  'not-run': abort,
  running: release,
  transferred: release,
  'was-resolved': release,
  resend: go('rebooted', 'send-ask'),
  resolve,
};

/** A record is asked for: only the journal's word moves on; it is asked again with every tick until it has it. */
const writing = (base: Record<SourceEvent, SCell>, state: SourceState, written: SCell) => ({
  ...base,
  written,
  'write-failed': 'ignore' as const,
  resend: go(state, 'write-again'),
});

export const SOURCE: Table<SourceState, SourceEvent, SourceEffect> = {
  offered: {
    ...LATE,
    accept: go('w-preparing', 'write-preparing'),
    refuse: gone,
    'not-run': gone,
    'vmm-exit': withdrawn,
    deadline: withdrawn,
    cancel: withdrawn,
  },
  'w-preparing': writing(ALONE, 'w-preparing', go('preparing', 'start-deadline')),
  preparing: { ...ALONE, listening: go('connecting', 'start-pages') },
  connecting: { ...ALONE, 'pages-up': go('w-switching', 'write-switching') },
  'w-switching': writing(ALONE, 'w-switching', go('switching', 'start-deadline', 'migrate')),
  switching: {
    ...ALONE,
    'pre-switchover': go('switching', 'switch-over'),
    postmigrate: go('switching-done'),
    ready: go('switching-ready'),
  },
  // Its own VMM is in postmigrate; the target's word is missing.
  'switching-done': { ...ALONE, ready: go('w-committed', 'write-committed') },
  // The target is ready; but without its own VMM in postmigrate the source never commits (seen: the VMM may resume).
  'switching-ready': { ...ALONE, ready: 'ignore', postmigrate: go('w-committed', 'write-committed') },
  // An ambiguous `committed` may be on the disk: it may still abort, once *that* is synced.
  'w-committed': {
    ...writing(LATE, 'w-committed', go('committed', 'send-run')),
    ready: 'ignore',
    // Nobody else looks at it again once this is written (found by the simulator).
    'pages-exit': go('w-committed', 'restart-pages'),
    'not-run': abort,
    deadline: abort,
    cancel: abort,
  },
  committed: {
    ...LATE,
    running: go('transferring'),
    transferred: release,
    'was-resolved': release,
    'not-run': go('w-retaken', 'write-retaken'),
    'pages-exit': go('committed', 'restart-pages'),
    resend: go('committed', 'send-run'),
    resolve,
  },
  // A target that is only ready is told to give up, and answers with what it has decided: `run` may have reached it.
  memoryless: {
    ...LATE,
    ready: go('memoryless', 'send-abort'),
    running: release,
    transferred: release,
    'was-resolved': release,
    'not-run': go('w-retaken', 'write-retaken'),
    resend: go('memoryless', 'send-ask'),
    resolve,
  },
  // The target owns it and runs it; pages are on their way. A target that says `not-run` now contradicts itself.
  transferring: {
    ...LATE,
    ready: 'answer',
    running: 'ignore',
    transferred: release,
    'was-resolved': release,
    'pages-exit': go('transferring', 'restart-pages'),
    resend: go('transferring', 'send-ask'),
    resolve,
  },
  'w-released': {
    ...writing(
      LATE,
      'w-released',
      go(
        'released',
        'end-pages',
        'end-vmm',
        'free-ram',
        'clear-nonces',
        'report-left',
        'send-ended',
        'send-record',
      ),
    ),
    running: 'ignore',
    transferred: 'ignore',
  },
  released: {
    ...LATE,
    running: released,
    transferred: released,
    'was-resolved': released,
    'no-record': forget,
    ended: forget,
    resend: released,
  },
  // The guest stays as it is until the record is on the disk; only then may it run again.
  'w-aborted': writing(
    { ...LATE, ready: 'ignore', ask: 'ignore' },
    'w-aborted',
    go('aborting', 'send-abort', 'end-pages', 'bring-back'),
  ),
  aborting: {
    ...LATE,
    'guest-runs': go('aborted', 'announce', 'clear-nonces', 'report-stays', 'send-ended'),
    'vmm-exit': go('aborted', 'clear-nonces', 'report-stays', 'send-ended'),
    resend: go('aborting', 'bring-back', 'send-abort'),
  },
  aborted: {
    ...LATE,
    'not-run': go('aborted', 'send-ended'),
    'no-record': forget,
    ended: forget,
    resend: go('aborted', 'send-abort', 'send-ended'),
  },
  'w-retaken': writing(LATE, 'w-retaken', go('retaking', 'end-pages', 'bring-back')),
  retaking: {
    ...LATE,
    'guest-runs': go('retaken', 'announce', 'clear-nonces', 'report-stays', 'send-ended'),
    'vmm-exit': go('retaken', 'clear-nonces', 'report-stays', 'send-ended'),
    resend: go('retaking', 'bring-back'),
  },
  retaken: {
    ...LATE,
    'not-run': go('retaken', 'send-ended'),
    'no-record': forget,
    ended: forget,
    resend: go('retaken', 'send-ended'),
  },
  // The memory of before is thrown away: a target that is off now may have run the guest since.
  'w-resolved': writing({ ...LATE, running: 'ignore', transferred: 'ignore' }, 'w-resolved', resolved),
  // A target that comes back asks, and yields. Its `ended` alone does not say how it ended: it is not believed.
  resolved: {
    ...LATE,
    'not-run': forget,
    'no-record': forget,
    'was-resolved': 'answer',
    // A target without a record of it says so only to a question.
    resend: go('resolved', 'send-record', 'send-ask'),
  },
  rebooted: BACK,
  // What forgot it has given up before.
  returned: { ...BACK, 'no-record': abort, resend: go('returned', 'send-ask') },
  'returned-resolved': {
    ...LATE,
    accept: resolve,
    listening: resolve,
    ready: resolve,
    'not-run': resolve,
    'no-record': resolve,
    // An operator's word over there that came after ours.
    running: release,
    transferred: release,
    resend: go('returned-resolved', 'send-ask'),
    resolve,
  },
  gone: LATE,
};

/** Effects that are worth nothing, or do harm, once the state that asked for them has passed: then they are dropped. */
export const SOURCE_ONLY_IN: Partial<Record<SourceEffect, readonly SourceState[]>> = {
  'start-pages': ['connecting'],
  migrate: ['switching'],
  'switch-over': ['switching', 'switching-ready'],
  'bring-back': ['aborting', 'retaking'],
};
