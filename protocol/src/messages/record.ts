import { oneOf, struct, text } from '../fields.ts';
import { type HandoffHead, head } from './head.ts';

/** The sender's newest record, in answer to `ask` and to late messages; state `none` = it has none. */
export type RecordIs = HandoffHead & { type: 'record'; role: 'source' | 'target'; state: string };

export const record = {
  number: 21,
  name: 'record',
  kind: struct<Omit<RecordIs, 'type'>>({ ...head, role: oneOf('source', 'target'), state: text(32) }),
} as const;
