import { struct } from '../fields.ts';
import * as kind from '../kinds.ts';
import { type HandoffHead, head } from './head.ts';

/** The source's word that it will not run the VM again unless the target proves that it never will. */
export type Run = HandoffHead & { type: 'run'; epoch: number };

export const run = {
  number: 15,
  name: 'run',
  kind: struct<Omit<Run, 'type'>>({ ...head, epoch: kind.positive }),
} as const;
