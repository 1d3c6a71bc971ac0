/** What stands in front of every handoff message. */
import type { Fields } from '../fields.ts';
import * as kind from '../kinds.ts';

export type HandoffHead = {
  /** UUID of the handoff. */
  handoff: string;
  /** UUID of the VM. */
  vm: string;
  /** Incarnation of the sender, and the receiver's as the sender knows it (0 = unknown). */
  incarnation: number;
  peerIncarnation: number;
  /** Worth nothing so many ms after its receipt; 0 = never worthless (facts such as `not-run`). */
  deadlineMs: number;
};

export const head: Fields<HandoffHead> = {
  handoff: kind.uuid,
  vm: kind.uuid,
  incarnation: kind.positive,
  peerIncarnation: kind.count,
  deadlineMs: kind.ageMs,
};
