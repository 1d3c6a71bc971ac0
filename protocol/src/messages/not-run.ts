import { struct } from '../fields.ts';
import * as kind from '../kinds.ts';
import { type HandoffHead, head } from './head.ts';

/** The target's final word that it never ran the VM and never will, under this handoff. */
export type NotRun = HandoffHead & { type: 'not-run'; reason: string };

export const notRun = {
  number: 19,
  name: 'not-run',
  kind: struct<Omit<NotRun, 'type'>>({ ...head, reason: kind.sentence }),
} as const;
