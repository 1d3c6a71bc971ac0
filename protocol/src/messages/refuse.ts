import { dict, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';
import { type HandoffHead, head } from './head.ts';

/** The target does not take it: why, in a code, a sentence, and the numbers. */
export type Refuse = HandoffHead & {
  type: 'refuse';
  code: string;
  detail: string;
  numbers: Record<string, number>;
};

export const refuse = {
  number: 12,
  name: 'refuse',
  kind: struct<Omit<Refuse, 'type'>>({
    ...head,
    code: text(32),
    detail: kind.sentence,
    numbers: dict(text(32), kind.count, limit.NUMBERS_MAX),
  }),
} as const;
