/**
 * The source's half of a handoff: every state, every event, every cell decided. It decides alone until `committed` is
 * on its disk, which needs its own VMM in `postmigrate` *and* the target's `ready`; from then on it must ask.
 */
import type { Cell, Table } from './cells.ts';

export type SourceState =
  | 'offered'
  | 'w-preparing'
  | 'preparing'
  | 'connecting'
  | 'w-switching'
  | 'switching'
  | 'switching-done'
  | 'switching-ready'
  | 'w-committed'
  | 'committed'
  | 'transferring'
  | 'w-released'
  | 'released'
  | 'w-aborted'
  | 'aborting'
  | 'aborted'
  | 'w-retaken'
  | 'retaking'
  | 'retaken'
  | 'rebooted'
  | 'gone';

export type SourceEvent =
  // the target's words; `record` = its newest record in answer to an ask, none of the others
  | 'accept'
  | 'refuse'
  | 'listening'
  | 'ready'
  | 'running'
  | 'transferred'
  | 'not-run'
  | 'ask'
  | 'record'
  | 'ended'
  // the journal's
  | 'written'
  | 'write-failed'
  // the VMM's; `stream-failed`: the migration broke, after which stock QEMU resumes the guest by itself
  | 'pre-switchover'
  | 'postmigrate'
  | 'stream-failed'
  | 'guest-runs'
  | 'vmm-exit'
  // the page server's
  | 'pages-up'
  | 'pages-exit'
  // time and people
  | 'deadline'
  | 'resend'
  | 'cancel';

export type SourceEffect =
  | 'write-preparing'
  | 'write-switching'
  | 'write-committed'
  | 'write-released'
  | 'write-aborted'
  | 'write-retaken'
  | 'write-again'
  | 'send-run'
  | 'send-abort'
  | 'send-ask'
  | 'send-ended'
  | 'start-pages'
  | 'restart-pages'
  | 'end-pages'
  | 'migrate'
  | 'switch-over'
  | 'bring-back'
  | 'announce'
  | 'end-vmm'
  | 'free-ram'
  | 'clear-nonces'
  | 'start-deadline'
  | 'report-refused'
  | 'report-stays'
  | 'report-left'
  | 'forget';

type SCell = Cell<SourceState, SourceEffect>;
const go = (to: SourceState, ...effects: SourceEffect[]): SCell => ({ to, do: effects });

const abort = go('w-aborted', 'write-aborted');
const gone = go('gone', 'clear-nonces', 'end-pages', 'report-refused');
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
    'not-run': abort,
    deadline: abort,
    cancel: abort,
  },
  committed: {
    ...LATE,
    running: go('transferring'),
    transferred: go('w-released', 'write-released'),
    'not-run': go('w-retaken', 'write-retaken'),
    'pages-exit': go('committed', 'restart-pages'),
    resend: go('committed', 'send-run'),
  },
  // The target owns it and runs it; pages are on their way. A target that says `not-run` now contradicts itself.
  transferring: {
    ...LATE,
    ready: 'answer',
    running: 'ignore',
    transferred: go('w-released', 'write-released'),
    'pages-exit': go('transferring', 'restart-pages'),
    resend: go('transferring', 'send-ask'),
  },
  'w-released': {
    ...writing(
      LATE,
      'w-released',
      go('released', 'end-pages', 'end-vmm', 'free-ram', 'clear-nonces', 'report-left', 'send-ended'),
    ),
    running: 'ignore',
    transferred: 'ignore',
  },
  released: {
    ...LATE,
    running: go('released', 'send-ended'),
    transferred: go('released', 'send-ended'),
    ended: go('gone', 'send-ended', 'forget'),
    resend: go('released', 'send-ended'),
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
    ended: go('gone', 'send-ended', 'forget'),
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
    ended: go('gone', 'send-ended', 'forget'),
    resend: go('retaken', 'send-ended'),
  },
  // The host was rebooted in the middle of a switch: the target may have been resolved to run it. Ask, never guess.
  rebooted: {
    ...LATE,
    'not-run': abort,
    running: go('w-released', 'write-released'),
    transferred: go('w-released', 'write-released'),
    resend: go('rebooted', 'send-ask'),
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
