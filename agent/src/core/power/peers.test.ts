import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AsleepEntry } from './entry.ts';
import { type PeerEffect, PeerPower } from './peers.ts';

const OPTIONS = { lateMs: 15_000, deadlineMs: 60_000, restMs: 30_000, tries: 3, burst: 2, everyMs: 10_000 };
const entry = (name: string, incarnation = 4): AsleepEntry => ({
  ...{ name, incarnation, bootId: 'b', atMs: 1, cores: 1 },
  ...{ memoryMib: 4096, memoryFreeMib: 4096, policyHash: 'p' },
});
const peers = (...names: string[]): PeerPower => {
  const made = new PeerPower(OPTIONS);
  for (const name of names) made.entry(name, entry(name), 0);
  return made;
};
const told = (effects: PeerEffect[]): string[] => effects.map(one => one.effect);

test('a peer sleeps from its own word on until its own word of a later life', () => {
  const known = peers('b');
  assert.is(known.stateOf('b'), 'asleep');
  assert.equal(known.hello('b', 4, 10), []);
  assert.is(known.stateOf('b'), 'asleep');
  assert.equal(
    known.hello('b', 5, 20).map(one => one.words),
    ['b is awake'],
  );
  assert.is(known.stateOf('b'), 'awake');
  assert.equal(known.asleep(), []);
});

test('silence never changes it', () => {
  const known = peers('b');
  for (let nowMs = 0; nowMs < 1e9; nowMs += 1e7) known.tick(nowMs);
  assert.is(known.stateOf('b'), 'asleep');
});

test('an old entry does not put a peer to sleep that has said something since, and a newer one ends a wake', () => {
  const known = peers('b');
  known.wake('b', false, 0);
  assert.equal(told(known.entry('b', entry('b', 6), 5)), ['hang-up']);
  assert.is(known.stateOf('b'), 'asleep');
  assert.equal(known.entry('b', entry('b', 5), 6), []);
  assert.equal(known.hello('b', 6, 7), []);
  assert.is(known.stateOf('b'), 'asleep');
});

test('a peer is called once, however often the rule wants it', () => {
  const known = peers('b');
  assert.equal(told(known.wake('b', false, 0)), ['call']);
  for (let nowMs = 1000; nowMs < 10_000; nowMs += 1000) assert.equal(known.wake('b', false, nowMs), []);
});

test('a wake is slow after 15 s, has failed after 60 s from the call on, and rests before the next', () => {
  const known = peers('b');
  known.wake('b', false, 0);
  assert.equal(
    known.tick(15_000).map(one => one.words),
    ['b has been called for 15 s'],
  );
  assert.is(known.stateOf('b'), 'slow');
  assert.equal(known.tick(59_000), []);
  assert.equal(
    known.tick(60_000).map(one => one.words),
    ['', 'b did not wake within 60 s'],
  );
  assert.is(known.asleep()[0]?.state, 'unwakeable');
  assert.equal(known.wake('b', false, 61_000), []);
  known.tick(90_000);
  assert.is(known.asleep()[0]?.state, 'asleep');
  assert.equal(told(known.wake('b', false, 91_000)), ['call']);
});

test('after three tries it is no capacity until it says something, but a person may try', () => {
  const known = peers('b');
  let nowMs = 0;
  for (let i = 0; i < 3; i++) {
    assert.equal(told(known.wake('b', false, nowMs)), ['call'], `try ${i}`);
    for (const end = nowMs + 400_000; nowMs < end; nowMs += 1000) known.tick(nowMs);
  }
  assert.is(known.stateOf('b'), 'unwakeable');
  assert.equal(known.wake('b', false, nowMs), []);
  assert.equal(told(known.wake('b', true, nowMs)), ['call']);
});

test('two wakes begin at once, more of them ten seconds apart', () => {
  const known = peers('b', 'c', 'd', 'e');
  const called = (nowMs: number) =>
    ['b', 'c', 'd', 'e'].flatMap(node => known.wake(node, false, nowMs)).map(one => one.node);
  assert.equal(called(0), ['b', 'c']);
  assert.equal(called(9000), []);
  assert.equal(called(10_000), ['d']);
  assert.equal(called(20_000), ['e']);
});

test('a peer that takes its farewell back is awake, and its wake is called off', () => {
  const known = peers('b');
  known.wake('b', false, 0);
  assert.equal(told(known.entry('b', undefined, 5)), ['hang-up']);
  assert.is(known.stateOf('b'), 'awake');
});

test.run();
