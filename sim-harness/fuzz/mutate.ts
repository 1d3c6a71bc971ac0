/**
 * Inputs from inputs: bytes turned, cut and doubled as any fuzzer does it, and trees (msgpack, JSON, YAML) whose
 * entries are replaced by what decoders are known to trip over. Pure.
 */
import type { Chance } from './chance.ts';

export type Tree = null | boolean | number | bigint | string | Tree[] | { [key: string]: Tree };

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  1.5,
  -1e-7,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  255,
  256,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 32,
  2 ** 45 + 1,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 63),
  1e308,
];
const TEXTS = [
  '',
  ' ',
  '\u0000',
  '\u202e',
  '\ud800',
  '__proto__',
  'constructor',
  'toString',
  '../../../../etc/shadow',
  '/dev/mem',
  '/proc/self/root',
  'a,file=/etc/shadow',
  '%00',
  '%n%s',
  '$HOME',
  '$(reboot)',
  'nbd+unix:///x?socket=/dev/null',
  '-0',
  '1e999',
  '0x10',
  '99999999999999999999',
  'NaN',
  'é'.repeat(40),
  'x'.repeat(63),
  'x'.repeat(64),
  'x'.repeat(1025),
];
const DEEP = 40;

/** Some bytes changed, from one to a dozen places. */
export function mutateBytes(source: Uint8Array, chance: Chance, others: readonly Uint8Array[]): Uint8Array {
  let bytes = Buffer.from(source);
  for (let turns = 1 + chance.below(chance.once(4) ? 12 : 3); turns > 0; turns--) {
    const at = chance.below(bytes.length + 1);
    const span = 1 + chance.below(chance.once(3) ? 64 : 4);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (chance.below(8)) {
      case 0:
        if (at < bytes.length) bytes[at] = chance.below(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << chance.below(8));
        break;
      case 2:
        bytes = Buffer.from(head);
        break;
      case 3:
        bytes = Buffer.concat([head, tail.subarray(span)]);
        break;
      case 4:
        bytes = Buffer.concat([head, randomBytes(chance, span), tail]);
        break;
      case 5:
        bytes = Buffer.concat([head, tail.subarray(0, span), tail]);
        break;
      case 6:
        bytes = Buffer.concat([head, Buffer.from(chance.pick(TEXTS)), tail]);
        break;
      default: {
        const other = Buffer.from(chance.pick(others));
        bytes = Buffer.concat([head, other.subarray(chance.below(other.length + 1))]);
      }
    }
  }
  return bytes;
}

export const randomBytes = (chance: Chance, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, () => chance.below(256)));

/** The same tree with an entry changed, now and then three; the source stays as it is. */
export function mutateTree(source: Tree, chance: Chance): Tree {
  let tree = structuredClone(source);
  for (let turns = chance.once(3) ? 3 : 1; turns > 0; turns--) tree = changed(tree, chance, 0);
  return tree;
}

/** Goes down by chance and changes what it ends at. */
function changed(tree: Tree, chance: Chance, depth: number): Tree {
  if (typeof tree !== 'object' || tree === null || depth > DEEP || chance.once(24)) return near(tree, chance);
  if (!Array.isArray(tree)) return changedKeys(tree, chance, depth);
  const i = chance.below(tree.length + 1);
  const action = chance.below(24);
  if (action === 0) tree.splice(i, 1);
  else if (action === 1) tree.splice(i, 0, strange(chance, 3));
  else if (action === 2 && tree.length > 0) tree.push(structuredClone(tree[i % tree.length] as Tree));
  else if (action === 3 && tree.length > 1) tree.reverse();
  else if (tree.length > 0) {
    const at = i % tree.length;
    tree[at] = changed(tree[at] as Tree, chance, depth + 1);
  }
  return tree;
}

function changedKeys(tree: { [key: string]: Tree }, chance: Chance, depth: number): Tree {
  const keys = Object.keys(tree);
  const key = keys.length > 0 ? chance.pick(keys) : '';
  const action = chance.below(16);
  if (action === 0) delete tree[key];
  else if (action === 1) own(tree, chance.once(3) ? chance.pick(TEXTS) : `${key}x`, strange(chance, 3));
  else if (keys.length > 0) own(tree, key, changed(tree[key] as Tree, chance, depth + 1));
  return tree;
}

/** `__proto__` as a key of the object's own, as JSON has it. */
function own(tree: { [key: string]: Tree }, key: string, value: Tree): void {
  Object.defineProperty(tree, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A value of the same kind, most of the time: what is nearly right gets deepest. */
function near(value: Tree, chance: Chance): Tree {
  if (chance.once(8)) return strange(chance, 3);
  if (typeof value === 'number')
    return chance.once(3) ? chance.pick(NUMBERS) : value + chance.pick([1, -1, 10, -10, 0.5, 2 ** 20]);
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return nearText(value, chance);
  return strange(chance, 3);
}

function nearText(value: string, chance: Chance): string {
  const at = chance.below(value.length + 1);
  const action = chance.below(8);
  if (action >= 5) return value.slice(0, at) + chance.pick([...'0a1b9z']) + value.slice(at + 1);
  if (action === 0) return value.slice(0, at);
  if (action === 1) return value + chance.pick(TEXTS);
  if (action === 2) return value.slice(0, at) + chance.pick(TEXTS) + value.slice(at + 1);
  if (action === 3) return value.toUpperCase();
  return chance.pick(TEXTS);
}

/** Anything at all. */
export function strange(chance: Chance, depth: number): Tree {
  const shape = chance.below(depth > 0 ? 8 : 5);
  if (shape < 2) return chance.pick(NUMBERS);
  if (shape < 4) return chance.pick(TEXTS);
  if (shape === 4) return chance.pick([null, true, false]);
  if (shape === 5) return Array.from({ length: chance.below(6) }, () => strange(chance, depth - 1));
  if (shape === 6) return { [chance.pick(TEXTS)]: strange(chance, depth - 1) };
  let nested: Tree = chance.pick(NUMBERS);
  for (let i = chance.below(2 * DEEP); i > 0; i--) nested = [nested];
  return nested;
}
