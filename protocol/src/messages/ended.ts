import { struct } from '../fields.ts';
import { type HandoffHead, head } from './head.ts';

/** The sender's side has ended; its record is forgotten when both have said so. */
export type Ended = HandoffHead & { type: 'ended' };

export const ended = {
  number: 22,
  name: 'ended',
  kind: struct<Omit<Ended, 'type'>>({ ...head }),
} as const;
