import type { Register } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { credentialKey, isCredentialRefused, marked } from './marks.ts';

const register = (key: string, value: string): Register => ({
  key,
  value,
  counter: 1,
  author: 'a',
  signature: '',
});

test('a password that one node had refused is tried by none, until its operator gives it another number', () => {
  const marks = [register(credentialKey('a'), marked(marked('', 'node1', 1), 'node2', 3))];
  assert.is(isCredentialRefused(marks, 'node2', 3), true);
  assert.is(isCredentialRefused(marks, 'node2', 4), false);
  assert.is(isCredentialRefused(marks, 'node1', 1), true);
  assert.is(isCredentialRefused(marks, 'node3', 1), false);
});

test('marks that were withdrawn, cannot be read, or are of another kind refuse nothing', () => {
  for (const value of ['', 'x', '[]', '{"node2":"3"}'])
    assert.is(isCredentialRefused([register(credentialKey('a'), value)], 'node2', 3), false, value);
  assert.is(isCredentialRefused([register('cordon/a', '{"node2":3}')], 'node2', 3), false);
});

test('more names than a register holds push out the oldest', () => {
  let value = '';
  for (let i = 0; i < 600; i++) value = marked(value, `a-node-of-some-name-${i}`, 1);
  assert.ok(value.length <= 4096);
  assert.match(value, 'a-node-of-some-name-599');
  assert.not.match(value, 'a-node-of-some-name-0"');
});

test.run();
