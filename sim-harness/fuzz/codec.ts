/** What is fuzzed: a decoder of untrusted bytes, what it may say about them, and how its answer is written again. */
import { isDeepStrictEqual } from 'node:util';
import type { Form } from './forms.ts';

export type Codec = {
  name: string;
  /** Of the inputs of a run, in relation to the others: slow decoders get fewer. */
  weight: number;
  seeds: readonly Uint8Array[];
  /** Its inputs are trees of this form; absent: bytes without a shape. */
  form?: Form;
  /** `decode` answers a promise. Such a one is waited for; one that answers at once can be broken off. */
  answersLater?: true;
  /** What is in the bytes; throws for those that are refused. */
  decode(bytes: Uint8Array): unknown;
  /** Whether that error is what a caller is told to expect: of the documented type, with a sentence in it. */
  refuses(error: unknown): boolean;
  /** The bytes of what was taken; decoded again they must give the same. */
  encode?(value: unknown): Uint8Array;
};

/** A decoder that answers instead of throwing refuses by this. */
export class Refused extends Error {}
/** The bytes were taken, and something is wrong with what became of them. */
export class Broken extends Error {}

export type Kind = 'error type' | 'round trip' | 'hang' | 'unhandled' | 'memory';
export type Verdict = { taken: boolean } | { kind: Kind; message: string };

const told = (error: unknown): string => String((error as Error)?.stack ?? error).slice(0, 2000);

/** Feeds one input. */
export async function feed(codec: Codec, bytes: Uint8Array): Promise<Verdict> {
  let value: unknown;
  try {
    value = await codec.decode(bytes);
  } catch (error) {
    return codec.refuses(error) ? { taken: false } : { kind: 'error type', message: told(error) };
  }
  return again(codec, value);
}

/** As `feed`, for decoders that answer at once; one that hangs can be stopped from outside. */
export function feedNow(codec: Codec, bytes: Uint8Array): Verdict {
  let value: unknown;
  try {
    value = codec.decode(bytes);
  } catch (error) {
    return codec.refuses(error) ? { taken: false } : { kind: 'error type', message: told(error) };
  }
  return again(codec, value);
}

function again(codec: Codec, value: unknown): Verdict {
  if (!codec.encode) return { taken: true };
  try {
    const second = codec.decode(codec.encode(value));
    if (isDeepStrictEqual(second, value)) return { taken: true };
    return { kind: 'round trip', message: 'what was taken, written and read again is something else' };
  } catch (error) {
    return { kind: 'round trip', message: `what was taken cannot be written again: ${told(error)}` };
  }
}
