import { struct } from '../fields.ts';
import { type HandoffHead, head } from './head.ts';

/** The target's VMM has loaded everything, the guest is paused, and that is on the target's disk. */
export type Ready = HandoffHead & { type: 'ready' };

export const ready = {
  number: 14,
  name: 'ready',
  kind: struct<Omit<Ready, 'type'>>({ ...head }),
} as const;
