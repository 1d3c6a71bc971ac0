import { struct } from '../fields.ts';
import { type HandoffHead, head } from './head.ts';

/** What is your newest record of this handoff? */
export type Ask = HandoffHead & { type: 'ask' };

export const ask = {
  number: 20,
  name: 'ask',
  kind: struct<Omit<Ask, 'type'>>({ ...head }),
} as const;
