/** Every decoder of untrusted input in TypeScript. A new one belongs in this list. */
import type { Codec } from './codec.ts';
import { httpCodec } from './codecs/http.ts';
import { NODE_CODECS } from './codecs/node.ts';
import { PROCESS_CODECS } from './codecs/processes.ts';
import { PROTOCOL_CODECS } from './codecs/protocol.ts';

export const codecs = (): readonly Codec[] => [
  ...PROTOCOL_CODECS,
  ...NODE_CODECS,
  ...PROCESS_CODECS,
  httpCodec(),
];
