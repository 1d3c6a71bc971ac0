/** Every message that a peer can send, by the protocol's own list of them, and the frames that carry them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { encodeFrame, FrameReader } from '@shoal/agent/edge/mesh/framing';
import { CODECS, CONTROL, type Decoded, fitSentence, SENTENCE_BYTES_MAX } from '@shoal/protocol';
import { repositoryRoot } from '../../guest/root.ts';
import { Broken, type Codec, Refused } from '../codec.ts';

const WHAT_MAX = 200;

/** Good and bad golden vectors of a message. */
export function vectors(message: string): Uint8Array[] {
  const file = join(repositoryRoot(), 'protocol', 'vectors', `${message}.json`);
  const { good, bad } = JSON.parse(readFileSync(file, 'utf8')) as Record<'good' | 'bad', { hex: string }[]>;
  // What is nearly right gets deepest into a decoder: three good ones for a bad one.
  const often = Array.from({ length: 3 * Math.ceil((1 + bad.length) / good.length) }, () => good).flat();
  return [...often, ...bad].map(v => Buffer.from(v.hex, 'hex'));
}

/** A protocol decoder never throws: it answers with a fault in words. */
export function taken<T>(decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  const { what, path } = decoded.fault;
  if (what.length === 0 || what.length > WHAT_MAX || CONTROL.test(what))
    throw new Broken(`a fault of ${what.length} characters, or with control characters`);
  throw new Refused(`${path} ${what}`);
}

export const refused = (error: unknown): boolean => error instanceof Refused;

/** A report and an offer are the largest: most of what can be wrong is in them. */
const WEIGHTS: Readonly<Record<string, number>> = { 'load-report': 12, offer: 8 };

const messages: Codec[] = CODECS.flatMap(codec =>
  codec.messages.map(name => ({
    name,
    weight: WEIGHTS[name] ?? 3,
    form: 'msgpack' as const,
    seeds: vectors(name),
    decode: (bytes: Uint8Array) => taken(codec.decode(bytes)),
    refuses: refused,
    encode: (value: unknown) => codec.encode(value),
  })),
);

const frames: Codec = {
  name: 'frames',
  weight: 6,
  seeds: [
    Buffer.concat(['offer', 'ask', 'run'].flatMap(name => vectors(name).slice(0, 1)).map(encodeFrame)),
    Buffer.from([0, 0, 0, 1, 7, 0, 0, 0, 0]),
    Buffer.from([0, 1, 0, 0, 1, 2, 3]),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
  ],
  decode(bytes) {
    const whole = new FrameReader().push(bytes);
    // Cut otherwise, the same bytes hold the same frames.
    const step = 1 + ((bytes[0] ?? 0) % 17);
    const reader = new FrameReader();
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += step)
      pieces.push(...reader.push(bytes.subarray(at, at + step)));
    const plain = (list: Uint8Array[]) => list.map(frame => Buffer.from(frame).toString('hex'));
    if (!isDeepStrictEqual(plain(whole), plain(pieces))) throw new Broken('other frames in other pieces');
    return plain(whole);
  },
  refuses: error => error instanceof Error && /^a frame of \d+ bytes/.test(error.message),
  encode: value => Buffer.concat((value as string[]).map(hex => encodeFrame(Buffer.from(hex, 'hex')))),
};

const sentences: Codec = {
  name: 'sentence',
  weight: 4,
  seeds: [Buffer.from('qemu: could not open\ndevice\u0000'), Buffer.from('é'.repeat(700))],
  decode(bytes) {
    const fitted = fitSentence(Buffer.from(bytes).toString('utf8'));
    if (CONTROL.test(fitted) || Buffer.byteLength(fitted) > SENTENCE_BYTES_MAX)
      throw new Broken('a sentence that no peer would take');
    return fitted;
  },
  refuses: () => false,
  encode: value => Buffer.from(value as string),
};

export const PROTOCOL_CODECS: readonly Codec[] = [...messages, frames, sentences];
