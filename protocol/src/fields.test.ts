import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Bad, type FaultCode } from './errors.ts';
import { dict, flag, int, type Kind, list, oneOf, since, struct, text } from './fields.ts';
import * as kind from './kinds.ts';

const fault = (k: Kind<never>, value: unknown): string => {
  try {
    k.read(value, 'x');
  } catch (error) {
    if (error instanceof Bad) return error.fault.code;
    throw error;
  }
  return 'none';
};

const table: [string, Kind<unknown>, unknown, FaultCode | 'none'][] = [
  ['the lowest integer', int(1, 3), 1, 'none'],
  ['the highest integer', int(1, 3), 3, 'none'],
  ['one below', int(1, 3), 0, 'range'],
  ['one above', int(1, 3), 4, 'range'],
  ['a fraction', int(1, 3), 1.5, 'type'],
  ['NaN', int(1, 3), Number.NaN, 'type'],
  ['Infinity', int(1, 3), Number.POSITIVE_INFINITY, 'type'],
  ['an integer beyond 2^53', kind.count, 2 ** 53, 'range'],
  ['a number as text', int(1, 3), '1', 'type'],
  ['a bigint', int(1, 3), 1n, 'type'],
  ['nothing for a flag', flag, null, 'type'],
  ['text of the full length', text(4), 'abcd', 'none'],
  ['text of two bytes a letter', text(4), 'äöü', 'length'],
  ['text of four bytes a letter', text(4), '🐟', 'none'],
  ['one letter of three bytes too many', text(2), '€', 'length'],
  ['a bell', text(9), 'a\u0007', 'form'],
  ['an 8-bit escape', text(9), 'a\u009b31m', 'form'],
  ['a change of direction', text(9), 'a\u202eb', 'form'],
  ['an object for text', text(9), { toString: () => 'x' }, 'type'],
  ['a word of the list', oneOf('a', 'b'), 'b', 'none'],
  ['a name of Object.prototype', oneOf('a', 'b'), 'constructor', 'form'],
  ['a list that is none', list(flag, 2), { length: 1, 0: true }, 'type'],
  ['a list of three where two may be', list(flag, 2), [true, true, true], 'length'],
  ['a pair of three', dict(text(3), flag, 2), [['a', true, true]], 'type'],
  ['__proto__ as a key', dict(text(9), flag, 2), [['__proto__', true]], 'form'],
  [
    'one key twice',
    dict(text(9), flag, 2),
    [
      ['a', true],
      ['a', false],
    ],
    'relation',
  ],
  ['a UUID', kind.uuid, '6f1c3a52-0d7e-4b8a-9a53-2f4e8c1d7b90', 'none'],
  ['a UUID and a line break', kind.uuid, '6f1c3a52-0d7e-4b8a-9a53-2f4e8c1d7b9\n', 'form'],
  ['a peer id with a zero, which base58 has not', kind.peerId, `12D3KooW${'0'.repeat(20)}`, 'form'],
  ['a name that leaves its folder', kind.name, '../x', 'form'],
  ['a hash in capitals', kind.sha256, 'AB'.repeat(32), 'form'],
  ['an empty hash where none is needed', kind.hash16OrEmpty, '', 'none'],
  ['a MAC address', kind.mac, '52:54:00:12:34:56', 'none'],
  ['a MAC address with dashes', kind.mac, '52-54-00-12-34-56', 'form'],
];
for (const [what, k, value, code] of table) {
  test(`${what}: ${code === 'none' ? 'taken' : `refused for ${code}`}`, () => {
    assert.is(fault(k as Kind<never>, value), code);
  });
}

test('a negative zero comes in as zero', () => {
  assert.ok(Object.is(int(0, 1).read(-0, ''), 0));
});

test('a field that was appended later has the value that older senders mean', () => {
  const grown = struct<{ a: number; b: boolean }>({ a: int(0, 9), b: since(flag, false) });
  assert.equal(grown.read([1], ''), { a: 1, b: false });
  assert.equal(grown.read([1, true], ''), { a: 1, b: true });
  assert.throws(() => grown.read([], ''), /fewer than 1/);
});

test.run();
