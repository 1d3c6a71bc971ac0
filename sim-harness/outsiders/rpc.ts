/**
 * Gossipsub's frames by hand (libp2p specs, pubsub and pubsub/gossipsub: RPC in protobuf behind a varint of its length),
 * so that an attacker can say what no library would. Pure.
 */

/** A field with bytes in it. */
export function field(number: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const out: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) {
      out.push(left);
      return Buffer.from(out);
    }
    out.push((left % 128) + 128);
  }
}

export const framed = (bytes: Uint8Array): Buffer => Buffer.concat([varint(bytes.length), bytes]);

/** RPC that says that the sender wants to hear a topic. `subscribe` is field 1 of SubOpts, a bool. */
export const subscription = (topic: string): Buffer =>
  field(1, Buffer.concat([Buffer.from([8, 1]), field(2, topic)]));

/** RPC that carries one message, as its author signed it or not. */
export const carrying = (message: Uint8Array): Buffer => field(2, message);

export type Parts = { from: Uint8Array; data: Uint8Array; seqno: Uint8Array; topic: string };

/** What an author signs (pubsub spec, message signing): the message without signature and key. */
export const unsigned = ({ from, data, seqno, topic }: Parts): Buffer =>
  Buffer.concat([field(1, from), field(2, data), field(3, seqno), field(4, topic)]);

/** Fields of a protobuf message whose values are bytes; others are passed over. Throws when the bytes end early. */
export function fieldsOf(bytes: Uint8Array): { number: number; value: Uint8Array }[] {
  const found: { number: number; value: Uint8Array }[] = [];
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the message ends in the middle of a number');
      value += (byte % 128) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = next();
    const value = next();
    if (key % 8 !== 2) continue;
    if (at + value > bytes.length) throw new Error('the message ends in the middle of a field');
    found.push({ number: key >> 3, value: bytes.subarray(at, at + value) });
    at += value;
  }
  return found;
}

/** Cuts a stream of bytes into the frames that are whole. */
export class FrameCutter {
  #held = Buffer.alloc(0);

  push(bytes: Uint8Array): Buffer[] {
    this.#held = Buffer.concat([this.#held, bytes]);
    const frames: Buffer[] = [];
    for (;;) {
      let length = 0;
      let at = 0;
      let shift = 1;
      let byte: number | undefined;
      do {
        byte = this.#held[at++];
        if (byte === undefined) return frames;
        length += (byte % 128) * shift;
        shift *= 128;
      } while (byte >= 128);
      if (this.#held.length < at + length) return frames;
      frames.push(this.#held.subarray(at, at + length));
      this.#held = this.#held.subarray(at + length);
    }
  }
}
