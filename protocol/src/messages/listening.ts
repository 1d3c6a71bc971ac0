import { int, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import { type HandoffHead, head } from './head.ts';

/** The target's VMM waits for the stream; its page server listens here. */
export type Listening = HandoffHead & { type: 'listening'; host: string; port: number; certSha256: string };

export const listening = {
  number: 13,
  name: 'listening',
  kind: struct<Omit<Listening, 'type'>>({
    ...head,
    host: text(255),
    port: int(1, 65_535),
    certSha256: kind.sha256,
  }),
} as const;
