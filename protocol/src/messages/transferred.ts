import { struct } from '../fields.ts';
import { type HandoffHead, head } from './head.ts';

/** Every page is in place on the target; the source may free its memory. */
export type Transferred = HandoffHead & { type: 'transferred' };

export const transferred = {
  number: 17,
  name: 'transferred',
  kind: struct<Omit<Transferred, 'type'>>({ ...head }),
} as const;
