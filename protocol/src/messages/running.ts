import { struct } from '../fields.ts';
import * as kind from '../kinds.ts';
import { type HandoffHead, head } from './head.ts';

/** The guest runs on the target, which owns it. */
export type Running = HandoffHead & { type: 'running'; epoch: number };

export const running = {
  number: 16,
  name: 'running',
  kind: struct<Omit<Running, 'type'>>({ ...head, epoch: kind.positive }),
} as const;
