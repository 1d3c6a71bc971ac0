import { struct } from '../fields.ts';
import * as kind from '../kinds.ts';
import { type HandoffHead, head } from './head.ts';

/** The source has given the handoff up before its commit, and that is on its disk. */
export type Abort = HandoffHead & { type: 'abort'; reason: string };

export const abort = {
  number: 18,
  name: 'abort',
  kind: struct<Omit<Abort, 'type'>>({ ...head, reason: kind.sentence }),
} as const;
