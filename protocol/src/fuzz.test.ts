import { readdirSync, readFileSync } from 'node:fs';
import { Packr } from 'msgpackr';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CODECS } from './codec.ts';

/** A small seeded generator (mulberry32): the same seed mutates the same way on any machine. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const folder = new URL('../vectors/', import.meta.url);
const seeds: Uint8Array[] = readdirSync(folder).flatMap(file => {
  const { good, bad } = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  return [...good, ...bad].map((v: { hex: string }) => Buffer.from(v.hex, 'hex'));
});
const packr = new Packr({ useRecords: false });

/** Never throws; what it takes can be written again and reads as the same. */
function feed(bytes: Uint8Array, about: string): boolean {
  let taken = false;
  for (const codec of CODECS) {
    const decoded = codec.decode(bytes);
    if (decoded.ok) assert.equal(codec.decode(codec.encode(decoded.value)), decoded, about);
    else assert.ok(decoded.fault.what.length > 0 && decoded.fault.what.length < 200, about);
    taken ||= decoded.ok;
  }
  return taken;
}

function mutated(source: Uint8Array, below: (n: number) => number): Uint8Array {
  let bytes = Buffer.from(source);
  for (let i = 1 + below(4); i > 0; i--) {
    const at = below(bytes.length + 1);
    const kind = below(5);
    if (kind === 0) bytes[at] = below(256);
    else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(9))]);
    else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([below(256)]), bytes.subarray(at)]);
  }
  return bytes;
}

test('no flipped, cut, dropped or added byte makes a decoder throw', () => {
  let taken = 0;
  for (let seed = 0; seed < 20_000; seed++) {
    const below = chance(seed);
    const source = seeds[below(seeds.length)] as Uint8Array;
    if (feed(mutated(source, below), `seed ${seed}`)) taken++;
  }
  assert.ok(taken > 100, `only ${taken} mutants were taken: the mutations are too coarse`);
});

test('no well-formed value of the wrong shape makes a decoder throw', () => {
  const strange = (below: (n: number) => number, deep: number): unknown => {
    const leaves = [
      null,
      true,
      0,
      -1,
      1.5,
      Number.NaN,
      2 ** 40,
      -(2 ** 63),
      2n ** 64n - 1n,
      '',
      'x',
      '\u202e',
      '__proto__',
    ];
    const shape = deep > 0 ? below(4) : 0;
    if (shape === 1) return Array.from({ length: below(30) }, () => strange(below, deep - 1));
    if (shape === 2) return { a: strange(below, deep - 1), __proto__: 1 };
    if (shape === 3)
      return [new Date(0), new Map([[1, 2]]), new Set([1]), /x/, new Error('x'), Buffer.alloc(3)][below(6)];
    return leaves[below(leaves.length)];
  };
  for (let seed = 0; seed < 5000; seed++) {
    const below = chance(seed);
    feed(packr.pack([1 + below(34), strange(below, 5)]), `seed ${seed}`);
  }
});

test('no byte alone and no pair of bytes makes a decoder throw', () => {
  for (let a = 0; a < 256; a++) {
    feed(Uint8Array.of(a), `${a}`);
    for (let b = 0; b < 256; b++) feed(Uint8Array.of(a, b), `${a} ${b}`);
  }
  assert.ok(!feed(new Uint8Array(0), 'empty'));
});

test.run();
