/**
 * The source's half of a handoff by QEMU's own post-copy. Once the device state is on its way nothing brings the guest
 * back (seen: QEMU refuses `cont` in `finish-migrate` for ever), so it commits before it lets that go, at
 * `pre-switchover`. The target may run the guest only at the word `run`, and that is said only once this side's QEMU
 * serves pages: from then on a stream that breaks makes it wait, and it can no longer resume the guest by itself.
 */
import type { Cell, Table } from '../cells.ts';
import { SOURCE } from '../source.ts';
import type { SourceEffect, SourceEvent, SourceState } from '../source-kinds.ts';

export type QemuSourceState =
  | Exclude<SourceState, 'switching-done' | 'switching-ready'>
  // told to stop the guest and to switch
  | 'stopping'
  // `run` is said, and the VMM serves pages
  | 'serving';

export type QemuSourceEvent =
  | SourceEvent
  // the VMM is past the switch: it serves pages, or has served them all
  | 'serves'
  // the stream broke in the middle of post-copy: both VMMs wait for another one
  | 'stream-paused';

export type QemuSourceEffect =
  | SourceEffect
  | 'start-postcopy'
  // asks the VMM where it stands; tells of `serves`, `stream-paused`, `stream-failed`
  | 'look'
  | 'resume-stream';

type SCell = Cell<QemuSourceState, QemuSourceEffect>;
type Row = Record<QemuSourceEvent, SCell>;
const go = (to: QemuSourceState, ...effects: QemuSourceEffect[]): SCell => ({ to, do: effects });

/** As with the other engines, and what only QEMU's post-copy can say means nothing. */
const same = (state: SourceState): Row =>
  ({ ...SOURCE[state], serves: 'ignore', 'stream-paused': 'ignore' }) as Row;

const abort = go('w-aborted', 'write-aborted');
/** No page will come from here, and `run` is not said (again): the target's word decides what is left of the VM. */
const memoryless = go('memoryless', 'send-ask');

export const QEMU_SOURCE: Table<QemuSourceState, QemuSourceEvent, QemuSourceEffect> = {
  offered: same('offered'),
  'w-preparing': same('w-preparing'),
  preparing: same('preparing'),
  connecting: same('connecting'),
  'w-switching': same('w-switching'),
  // The guest is stopped only once the target's promise has no clock any more. A VMM that is ready to switch before it
  // was told to would finish as pre-copy, which these tables do not know.
  switching: {
    ...same('switching'),
    ready: go('stopping', 'start-postcopy'),
    'pre-switchover': abort,
    postmigrate: 'ignore',
  },
  stopping: {
    ...same('switching'),
    ready: 'ignore',
    'pre-switchover': go('w-committed', 'write-committed'),
    postmigrate: 'ignore',
  },
  // The device state is still here: an ambiguous `committed` may be on the disk, but it may abort once *that* is synced.
  'w-committed': {
    ...same('w-committed'),
    written: go('committed', 'switch-over'),
    'stream-failed': abort,
    'vmm-exit': abort,
    'pages-exit': abort,
  },
  // The device state goes out. Without `run` the target does not let the guest run, whatever it has.
  committed: {
    ...same('committed'),
    serves: go('serving', 'send-run'),
    'stream-paused': go('serving', 'send-run', 'resume-stream'),
    'stream-failed': memoryless,
    'vmm-exit': memoryless,
    resend: go('committed', 'switch-over'),
  },
  serving: {
    ...same('committed'),
    'pages-exit': go('serving', 'restart-pages'),
    'pages-up': go('serving', 'look'),
    'stream-paused': go('serving', 'resume-stream'),
    'stream-failed': memoryless,
    'vmm-exit': memoryless,
    resend: go('serving', 'send-run', 'look'),
  },
  memoryless: same('memoryless'),
  transferring: {
    ...same('transferring'),
    'pages-up': go('transferring', 'look'),
    'stream-paused': go('transferring', 'resume-stream'),
    'stream-failed': memoryless,
    'vmm-exit': memoryless,
    resend: go('transferring', 'send-ask', 'look'),
  },
  'w-released': same('w-released'),
  released: same('released'),
  'w-aborted': same('w-aborted'),
  aborting: same('aborting'),
  aborted: same('aborted'),
  // A VMM whose device state never left runs the guest again; from any other there is no way back, and it is ended:
  // the VM has crashed here, with its disk as the guest left it.
  'w-retaken': same('w-retaken'),
  retaking: same('retaking'),
  retaken: same('retaken'),
  'w-resolved': same('w-resolved'),
  resolved: same('resolved'),
  rebooted: same('rebooted'),
  returned: same('returned'),
  'returned-resolved': same('returned-resolved'),
  gone: same('gone'),
};

/** Effects that are worth nothing, or do harm, once the state that asked for them has passed: then they are dropped. */
export const QEMU_SOURCE_ONLY_IN: Partial<Record<QemuSourceEffect, readonly QemuSourceState[]>> = {
  'start-pages': ['connecting'],
  migrate: ['switching'],
  'start-postcopy': ['stopping'],
  'switch-over': ['committed'],
  look: ['serving', 'transferring'],
  'resume-stream': ['serving', 'transferring'],
  'bring-back': ['aborting', 'retaking'],
};
