/**
 * The micro guest's memory from outside: every page says what it is. A second reading of the layout that
 * `agent/native/workload/src/{pattern,pool}.rs` writes, by the file alone: page 0 is the guest's header, then pages of
 * (index, version, checksum, body), then the table of versions. Only for guests that stand still.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

export const PAGE_BYTES = 4096;
const WORDS = PAGE_BYTES / 8;
const VERSIONS_PER_PAGE = PAGE_BYTES / 4;
const SPREAD = 0x9e37_79b9_7f4a_7c15n;
const FOLD = 0xbf58_476d_1ce4_e5b9n;
const MASK = 0xffff_ffff_ffff_ffffn;

const mixed = (seed: bigint, index: bigint, version: bigint): bigint => {
  let x = seed ^ ((index * SPREAD) & MASK) ^ ((version * FOLD) & MASK);
  x ^= x >> 29n;
  x = (x * FOLD) & MASK;
  return x ^ (x >> 32n);
};

/** As the guest makes it of its VM's name. */
export function seedOf(name: string): bigint {
  let seed = 1n;
  for (const byte of Buffer.from(name)) {
    let x = seed ^ (BigInt(byte) << 40n);
    if (x === 0n) x = SPREAD;
    x = (x ^ (x << 13n)) & MASK;
    x ^= x >> 7n;
    x = (x ^ (x << 17n)) & MASK;
    seed = x;
  }
  return seed;
}

function pageIsRight(page: BigUint64Array, seed: bigint, index: number, version: number): boolean {
  if (page[0] !== BigInt(index) || page[1] !== BigInt(version)) return false;
  let sum = mixed(seed, BigInt(index), BigInt(version));
  for (let i = 3; i < WORDS; i++) {
    const rotated = ((sum << 9n) | (sum >> 55n)) & MASK;
    sum = ((rotated ^ (page[i] as bigint)) * SPREAD) & MASK;
  }
  return page[2] === sum;
}

/** Numbers of the pages of pattern that do not hold what the table says; `filled` of them are looked at. */
export function wrongPages(file: string, name: string, filled: number): number[] {
  const bytes = readFileSync(file);
  const pool = bytes.subarray(PAGE_BYTES);
  const pages = pool.length / PAGE_BYTES;
  const capacity = pages - Math.ceil(pages / (VERSIONS_PER_PAGE + 1));
  const seed = seedOf(name);
  const wrong: number[] = [];
  for (let index = 0; index < filled; index++) {
    const version = pool.readUInt32LE(capacity * PAGE_BYTES + index * 4);
    const from = pool.byteOffset + index * PAGE_BYTES;
    const page = new BigUint64Array(pool.buffer, from, WORDS);
    if (!pageIsRight(page, seed, index, version)) wrong.push(index);
  }
  return wrong;
}

/** All bytes of a guest's memory at a moment when it stands. Held in this process: the file itself goes with the move. */
export function memoryOf(file: string): Buffer {
  return readFileSync(file);
}

/** Pages of `file` that differ from `before`; page 0, which every migration writes, aside. */
export function changedPages(before: Buffer, file: string): number[] {
  const changed: number[] = [];
  const now = Buffer.alloc(PAGE_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    for (let page = 1; page < before.length / PAGE_BYTES; page++) {
      const at = page * PAGE_BYTES;
      const got = readSync(descriptor, now, 0, PAGE_BYTES, at);
      if (got !== PAGE_BYTES || before.compare(now, 0, PAGE_BYTES, at, at + PAGE_BYTES) !== 0)
        changed.push(page);
    }
  } finally {
    closeSync(descriptor);
  }
  return changed;
}
