/** Frames on a direct stream: length as 4 bytes, big-endian, then that many bytes; 1 to HANDOFF_BYTES_MAX. */
import { HANDOFF_BYTES_MAX } from '@shoal/protocol';

const LENGTH_BYTES = 4;

export function encodeFrame(frame: Uint8Array): Uint8Array {
  const out = new Uint8Array(LENGTH_BYTES + frame.byteLength);
  new DataView(out.buffer).setUint32(0, frame.byteLength);
  out.set(frame, LENGTH_BYTES);
  return out;
}

/** Cuts a byte stream into frames; throws on a length that cannot be, after which the stream is lost. */
export class FrameReader {
  #held: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): Uint8Array[] {
    this.#held = this.#held.byteLength === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: Uint8Array[] = [];
    for (let length = this.#next(); length !== undefined; length = this.#next()) {
      frames.push(this.#held.slice(LENGTH_BYTES, LENGTH_BYTES + length));
      this.#held = this.#held.subarray(LENGTH_BYTES + length);
    }
    return frames;
  }

  /** Length of the frame at the front when all of it is there. */
  #next(): number | undefined {
    const { buffer, byteOffset, byteLength } = this.#held;
    if (byteLength < LENGTH_BYTES) return undefined;
    const length = new DataView(buffer, byteOffset).getUint32(0);
    if (length === 0 || length > HANDOFF_BYTES_MAX) {
      throw new Error(`a frame of ${length} bytes; 1 to ${HANDOFF_BYTES_MAX} are allowed`);
    }
    return byteLength < LENGTH_BYTES + length ? undefined : length;
  }
}
