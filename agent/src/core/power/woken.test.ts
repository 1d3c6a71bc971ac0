import type { Register } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lastWake, type Woken, withWake, wokenKey } from './woken.ts';

const woken = (node: string, incarnation: number, seconds = 3): Woken => ({
  ...{ node, incarnation, seconds, method: 'amt', atMs: 1 },
});
const register = (author: string, value: string): Register => ({
  ...{ key: wokenKey(author), value, counter: 1, author, signature: '' },
});

test('the last wake of a node is that of its highest life, whoever called it first', () => {
  const registers = [
    register('a', withWake(withWake('', woken('x', 4)), woken('y', 9))),
    register('b', withWake('', woken('x', 6, 5))),
    register('c', withWake('', woken('x', 6, 2))),
  ];
  const last = lastWake(registers, 'x');
  assert.equal([last?.incarnation, last?.by, last?.seconds], [6, 'c', 2]);
  assert.is(lastWake(registers, 'z'), undefined);
});

test('a waker tells of the last wake of each node, and of sixteen at most', () => {
  let value = '';
  for (let i = 0; i < 20; i++) value = withWake(value, woken(`n${i}`, i));
  value = withWake(value, woken('n19', 30));
  const told = JSON.parse(value) as Woken[];
  assert.is(told.length, 16);
  assert.equal([told[0]?.node, told[0]?.incarnation], ['n19', 30]);
  assert.is(told.filter(one => one.node === 'n19').length, 1);
  assert.is(
    told.some(one => one.node === 'n0'),
    false,
  );
});

test('what is no list of wakes tells of none', () => {
  for (const value of ['', '{}', '[1]', '[{"node":"x","incarnation":-1}]', 'x'])
    assert.is(lastWake([register('a', value)], 'x'), undefined, value);
});

test.run();
