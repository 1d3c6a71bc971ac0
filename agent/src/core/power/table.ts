/**
 * What a node's power may be, as one agent knows it, and what follows from every event (docs/decisions/0026). The first half
 * is of this agent's own node, which alone decides to sleep; the second of its peers, which whoever needs them wakes.
 */
import type { Cell, Table } from '../handoff/cells.ts';
import { type Stepped, step } from '../handoff/cells.ts';

export const POWER_STATES = [
  'awake',
  'draining',
  'announcing',
  'asleep',
  'waking',
  'slow',
  'wake-failed',
  'unwakeable',
] as const;
export type PowerState = (typeof POWER_STATES)[number];

export type PowerEvent =
  /** Own node: the rule has not needed it for the slow window, or a person wants it asleep. */
  | 'wanted'
  /** Own node: no VM, no reservation, no handoff is left. */
  | 'empty'
  /** Own node: it is needed after all, or its time to become empty is over. */
  | 'needed'
  /** Own node: every member said yes, and it is still empty. */
  | 'agreed'
  /** Own node: a member said no, or nothing in time. */
  | 'denied'
  /** Own node: the driver did not suspend it. */
  | 'not-suspended'
  /** Own node: time passed that only the boot-time clock saw. */
  | 'slept'
  /** Peer: its signed entry says that it sleeps. */
  | 'entry'
  /** Peer: it took that back. */
  | 'withdrawn'
  /** Peer: a report of a later life of its agent. Nothing else means that it is awake. */
  | 'hello'
  /** Peer: the rule wants it for a VM of this node. */
  | 'wake'
  /** Peer: a person wants it awake. */
  | 'asked'
  /** Peer: it has taken longer than most do. */
  | 'late'
  /** Peer: every method had its time. */
  | 'deadline'
  /** Peer: it may be tried again. */
  | 'rested'
  /** Peer: it was tried as often as makes sense. */
  | 'given-up';

export type PowerEffect =
  /** No offer is taken any more. */
  | 'close'
  | 'open'
  /** The entry, signed and on the disk, goes to every member, each of whom must say yes. */
  | 'farewell'
  /** The entry is taken back, and everybody hears of it. */
  | 'withdraw'
  /** The next try waits, longer each time. */
  | 'rest'
  /** The alarm of last resort, then the driver. */
  | 'suspend'
  /** Nothing that this life of the agent believes is worth anything any more. */
  | 'end-life'
  /** The methods of waking it, one after the other. */
  | 'call'
  | 'hang-up'
  | 'say-slow'
  | 'say-failed'
  | 'say-unwakeable'
  | 'say-awake';

type PCell = Cell<PowerState, PowerEffect>;
const go = (to: PowerState, ...effects: PowerEffect[]): PCell => ({ to, do: effects });

/** Late, or of the other half. */
const NOTHING: Record<PowerEvent, PCell> = {
  wanted: 'ignore',
  empty: 'ignore',
  needed: 'ignore',
  agreed: 'ignore',
  denied: 'ignore',
  'not-suspended': 'ignore',
  slept: 'ignore',
  entry: 'ignore',
  withdrawn: 'ignore',
  hello: 'ignore',
  wake: 'ignore',
  asked: 'ignore',
  late: 'ignore',
  deadline: 'ignore',
  rested: 'ignore',
  'given-up': 'ignore',
};

/** Whatever it was about: it is there. */
const CALLED: Record<PowerEvent, PCell> = {
  ...NOTHING,
  hello: go('awake', 'hang-up', 'say-awake'),
  withdrawn: go('awake', 'hang-up'),
  deadline: go('wake-failed', 'hang-up', 'say-failed', 'rest'),
};

/** Who slept knows nothing, whoever sent the machine to sleep, and whatever this node was about to do. */
const slept = go('awake', 'end-life');

export const POWER: Table<PowerState, PowerEvent, PowerEffect> = {
  awake: { ...NOTHING, wanted: go('draining', 'close'), slept, entry: go('asleep') },
  draining: {
    ...NOTHING,
    empty: go('announcing', 'farewell'),
    needed: go('awake', 'open', 'rest'),
    slept,
  },
  announcing: {
    ...NOTHING,
    agreed: go('asleep', 'suspend'),
    denied: go('awake', 'withdraw', 'open', 'rest'),
    needed: go('awake', 'withdraw', 'open'),
    slept,
  },
  asleep: {
    ...NOTHING,
    'not-suspended': go('awake', 'withdraw', 'open', 'rest'),
    slept,
    hello: go('awake', 'say-awake'),
    withdrawn: go('awake'),
    wake: go('waking', 'call'),
    asked: go('waking', 'call'),
  },
  waking: { ...CALLED, late: go('slow', 'say-slow') },
  slow: CALLED,
  'wake-failed': {
    ...NOTHING,
    hello: go('awake', 'say-awake'),
    withdrawn: go('awake'),
    asked: go('waking', 'call'),
    rested: go('asleep'),
    'given-up': go('unwakeable', 'say-unwakeable'),
  },
  unwakeable: {
    ...NOTHING,
    hello: go('awake', 'say-awake'),
    withdrawn: go('awake'),
    // A person may have mended what was wrong.
    asked: go('waking', 'call'),
  },
};

export const powerStep = (state: PowerState, event: PowerEvent): Stepped<PowerState, PowerEffect> =>
  step(POWER, state, event);
