/**
 * Walks untrusted msgpack bytes before the decoder sees them, allocating nothing. Only plain trees of integers, floats,
 * booleans, text and arrays pass. Maps, binary data and extensions do not: msgpackr would decode records, errors and
 * back-references out of extensions, and 2 kB of back-references unfold to 10^13 entries for whoever walks the result.
 */
import { Bad } from './errors.ts';
import { DEPTH_MAX } from './limits.ts';

/** Bytes of the value after the head byte, for heads 0xca to 0xd3 (msgpack specification, formats). */
const FIXED_BYTES: Record<number, number> = {
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
};
/** Text and arrays with their length in so many bytes. */
const TEXT_LENGTH_BYTES: Record<number, number> = { 217: 1, 218: 2, 219: 4 };
const ARRAY_LENGTH_BYTES: Record<number, number> = { 220: 2, 221: 4 };

/** Throws a `Bad` unless the bytes are exactly one plain value nested at most `DEPTH_MAX` deep. */
export function scan(bytes: Uint8Array): void {
  let at = 0;
  /** Values still to come on each level that is open. */
  const open = [1];

  const uint = (size: number): number => {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (bytes[at + i] ?? 0);
    skip(size);
    return value;
  };
  const skip = (count: number): void => {
    at += count;
    if (at > bytes.length) throw new Bad('encoding', '', 'ends in the middle of a value');
  };
  const enter = (count: number): void => {
    // Every entry has at least one byte: an honest count cannot be larger than what is left.
    if (count > bytes.length - at) throw new Bad('encoding', '', `has a list of ${count} that is not there`);
    if (open.length > DEPTH_MAX) throw new Bad('depth', '', `is nested deeper than ${DEPTH_MAX}`);
    open.push(count);
  };

  while (open.length > 0) {
    const left = open[open.length - 1] as number;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    const head = bytes[at] ?? 0;
    skip(1);
    if (head <= 0x7f || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) continue;
    if (head >= 0xa0 && head <= 0xbf) skip(head - 0xa0);
    else if (head >= 0x90 && head <= 0x9f) enter(head - 0x90);
    else if (TEXT_LENGTH_BYTES[head]) skip(uint(TEXT_LENGTH_BYTES[head]));
    else if (ARRAY_LENGTH_BYTES[head]) enter(uint(ARRAY_LENGTH_BYTES[head]));
    else if (FIXED_BYTES[head]) skip(FIXED_BYTES[head]);
    else throw new Bad('encoding', '', `holds msgpack type 0x${head.toString(16)}, which is not spoken here`);
  }
  if (at !== bytes.length) throw new Bad('encoding', '', `has ${bytes.length - at} bytes too many`);
}
