/**
 * The target's half of a handoff by QEMU's own post-copy. `ready` is its promise without a clock, given as soon as the
 * stream has reached its VMM; it lets the guest run once that has loaded *and* the source has said `run`. A VMM that has
 * loaded holds the disk's lock although the guest stands still (seen), so the source cannot take it back meanwhile.
 */
import type { Cell, Table } from '../cells.ts';
import { TARGET } from '../target.ts';
import type { TargetEffect, TargetEvent, TargetState } from '../target-kinds.ts';

export type QemuTargetState =
  | TargetState
  // `ready`, and the VMM has loaded the device state: only the word `run` is missing
  | 'ready-loaded'
  // `ready`, and `run` has been said: only the device state is missing
  | 'ready-run';

export type QemuTargetEvent =
  | TargetEvent
  // the VMM reads the stream
  | 'stream-begun'
  // the stream broke in the middle of post-copy: both VMMs wait for another one
  | 'stream-paused';

export type QemuTargetEffect =
  | TargetEffect
  // asks the VMM where it stands; tells of `loaded`, `stream-paused`, `pages-complete`
  | 'look'
  | 'reopen-stream';

type TCell = Cell<QemuTargetState, QemuTargetEffect>;
type Row = Record<QemuTargetEvent, TCell>;
const go = (to: QemuTargetState, ...effects: QemuTargetEffect[]): TCell => ({ to, do: effects });

/** As with the other engines, and what only QEMU's post-copy can say means nothing. */
const same = (state: TargetState): Row =>
  ({ ...TARGET[state], 'stream-begun': 'ignore', 'stream-paused': 'ignore' }) as Row;

/**
 * The source may have committed: no clock ends this, only `abort` or the VMM's death. Nor is it given up by hand: the
 * device state may be here by now, and the source cannot take the guest back without it.
 */
const ready = (state: QemuTargetState): Row => ({
  ...same('ready'),
  'load-failed': go('w-not-run', 'write-not-run'),
  cancel: 'ignore',
  'pages-exit': go(state, 'restart-pages'),
  'stream-paused': go(state, 'reopen-stream'),
  resend: go(state, 'send-ready', 'look'),
});
const own = go('w-owner', 'write-owner');

export const QEMU_TARGET: Table<QemuTargetState, QemuTargetEvent, QemuTargetEffect> = {
  judging: same('judging'),
  'w-accepted': same('w-accepted'),
  accepted: same('accepted'),
  'w-loading': same('w-loading'),
  loading: { ...same('loading'), loaded: 'ignore', 'stream-begun': go('w-ready', 'write-ready') },
  'w-ready': same('w-ready'),
  ready: { ...ready('ready'), run: go('ready-run'), loaded: go('ready-loaded') },
  'ready-loaded': { ...ready('ready-loaded'), run: own },
  'ready-run': { ...ready('ready-run'), run: 'ignore', loaded: own },
  'w-owner': { ...same('w-owner'), 'stream-paused': go('w-owner', 'reopen-stream') },
  owner: { ...same('owner'), 'stream-paused': go('owner', 'reopen-stream') },
  running: {
    ...same('running'),
    'stream-paused': go('running', 'reopen-stream'),
    resend: go('running', 'send-running', 'look'),
  },
  lost: same('lost'),
  'w-transferred': same('w-transferred'),
  transferred: same('transferred'),
  'w-not-run': same('w-not-run'),
  'not-run': same('not-run'),
  'w-resolved': same('w-resolved'),
  resolved: same('resolved'),
  returned: same('returned'),
  'returned-resolved': same('returned-resolved'),
  'w-yielded': same('w-yielded'),
  yielded: same('yielded'),
  gone: same('gone'),
};

/** Effects that do harm once the state that asked for them has passed: then they are dropped. */
export const QEMU_TARGET_ONLY_IN: Partial<Record<QemuTargetEffect, readonly QemuTargetState[]>> = {
  prepare: ['accepted'],
  cont: ['owner'],
  'reopen-stream': ['ready', 'ready-loaded', 'ready-run', 'w-owner', 'owner', 'running'],
  look: ['ready', 'ready-loaded', 'ready-run', 'running'],
};
