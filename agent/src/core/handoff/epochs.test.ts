import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isGivenUp, RESOLVED } from './epochs.ts';

test('a target that yields lets go of a VM that it has offered on and taken back meanwhile', () => {
  for (const epoch of [3, 5, 999]) assert.ok(isGivenUp(epoch, 3), String(epoch));
});

test('a target that was resolved itself lets go of what it made of that', () => {
  assert.ok(isGivenUp(3 + RESOLVED.target, 3));
  assert.ok(isGivenUp(3 + RESOLVED.target + 4, 3));
});

test('a target that yields late keeps a VM that has come to it again from its resolved source', () => {
  assert.not(isGivenUp(3 + RESOLVED.source + 1, 3));
});

test('the two sides of a handoff, both resolved, never claim with one number', () => {
  const claims = (from: number) => new Set(Array.from({ length: 1000 }, (_, moves) => from + moves));
  const source = claims(3 + RESOLVED.source);
  for (const claim of claims(3 + RESOLVED.target)) assert.not(source.has(claim));
});

test.run();
