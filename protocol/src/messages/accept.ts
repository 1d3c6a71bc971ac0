import { struct } from '../fields.ts';
import { type HandoffHead, head } from './head.ts';

/** The target has reserved the memory; the reservation lives as long as the handoff goes on. */
export type Accept = HandoffHead & { type: 'accept' };

export const accept = {
  number: 11,
  name: 'accept',
  kind: struct<Omit<Accept, 'type'>>({ ...head }),
} as const;
