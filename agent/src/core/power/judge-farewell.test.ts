import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AsleepEntry } from './entry.ts';
import { type FarewellTruth, judgeFarewell } from './judge-farewell.ts';

const ENTRY: AsleepEntry = {
  ...{ name: 'node2', incarnation: 4, bootId: 'b', atMs: 1, cores: 1 },
  ...{ memoryMib: 4096, memoryFreeMib: 4096, policyHash: 'p' },
};
const truth = (over: Partial<FarewellTruth> = {}): FarewellTruth => ({
  ...{ self: 'a', state: 'awake', pausedMs: 0, incarnation: 4, handoffs: 0, awake: 3 },
  decision: { suspend: ['b', 'c'], moves: [], wake: [] },
  ...over,
});
const said = (
  over: Partial<FarewellTruth> = {},
  isManual = false,
  entry: AsleepEntry | undefined = ENTRY,
) => {
  const verdict = judgeFarewell('b', entry, isManual, truth(over));
  return verdict.yes ? (verdict.yield ? 'yield' : 'yes') : verdict.code;
};

test('a node may sleep where the rule of this one does not need it', () => {
  assert.is(said(), 'yes');
  assert.is(said({ decision: { suspend: ['c'], moves: [], wake: [] } }), 'not-by-rule');
  assert.is(said({ decision: { suspend: ['b'], moves: [], wake: [{ node: 'd', vm: 'v' }] } }), 'not-by-rule');
});

test('of two that say farewell at once the one with the higher id goes first, and the other takes its own back', () => {
  assert.is(said({ self: 'a', state: 'announcing' }), 'yield');
  assert.is(said({ self: 'c', state: 'announcing' }), 'first');
});

test('who is as good as asleep lets nobody sleep: its yes would count on it', () => {
  assert.is(said({ state: 'asleep' }), 'going');
});

test('a farewell of an earlier life, or one that cannot be read, is worth nothing', () => {
  assert.is(said({ incarnation: 5 }), 'entry');
  const verdict = judgeFarewell('b', undefined, false, truth());
  assert.is(verdict.yes ? '' : verdict.code, 'entry');
});

test('a person who sends a node to sleep is not asked for the rule, but no VM is harmed and somebody stays awake', () => {
  const unwanted = { decision: { suspend: [], moves: [], wake: [] } };
  assert.is(said(unwanted), 'not-by-rule');
  assert.is(said(unwanted, true), 'yes');
  assert.is(said({ ...unwanted, pausedMs: 5 }, true), 'yes');
  assert.is(said({ ...unwanted, handoffs: 1 }, true), 'handoff');
  assert.is(said({ ...unwanted, awake: 1 }, true), 'last');
});

test('while moves are paused nobody falls asleep by itself', () => {
  assert.is(said({ pausedMs: 1 }), 'paused');
});

test.run();
