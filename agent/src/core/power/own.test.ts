import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type OwnFacts, OwnPower } from './own.ts';

const OPTIONS = { slowMs: 300_000, drainMs: 60_000, answerMs: 5000, restMs: 60_000, restMaxMs: 3_600_000 };
const facts = (nowMs: number, over: Partial<OwnFacts> = {}): OwnFacts => ({
  ...{ nowMs, listed: true, empty: true, members: ['b', 'c'] },
  ...over,
});
const effects = (all: { effect: string }[]): string[] => all.map(one => one.effect);
/** Closed and empty, its farewell out, at 301 s. */
function announcing(): OwnPower {
  const own = new OwnPower(OPTIONS);
  own.tick(facts(0));
  assert.equal(effects(own.tick(facts(300_000))), ['close']);
  assert.equal(effects(own.tick(facts(301_000))), ['farewell']);
  return own;
}

test('a node sleeps once the rule has not needed it for the whole of the slow window, without a break', () => {
  const own = new OwnPower(OPTIONS);
  own.tick(facts(0));
  own.tick(facts(200_000, { listed: false }));
  own.tick(facts(201_000));
  assert.equal(own.tick(facts(500_000)), []);
  assert.equal(effects(own.tick(facts(501_000))), ['close']);
});

test('it sleeps when every member has said yes, and not before', () => {
  const own = announcing();
  own.answered('b', true, true, '');
  assert.equal(own.tick(facts(302_000)), []);
  own.answered('c', true, true, '');
  assert.equal(effects(own.tick(facts(303_000))), ['suspend']);
  assert.is(own.state, 'asleep');
});

test('an answer that does not come is a no', () => {
  const own = announcing();
  own.answered('b', true, true, '');
  assert.equal(effects(own.tick(facts(306_500))), ['withdraw', 'open', 'rest']);
  assert.is(own.state, 'awake');
});

test('one no is enough, whatever the others say', () => {
  const own = announcing();
  own.answered('b', false, true, 'a handoff with it is under way');
  own.answered('c', true, true, '');
  const all = own.tick(facts(302_000));
  assert.equal(effects(all), ['withdraw', 'open', 'rest']);
  assert.is(all[0]?.why, 'a handoff with it is under way');
});

test('a VM that comes while the farewell is out keeps the node awake, though all agree', () => {
  const own = announcing();
  for (const peer of ['b', 'c']) own.answered(peer, true, true, '');
  assert.equal(effects(own.tick(facts(302_000, { empty: false }))), ['withdraw', 'open']);
});

test('who was removed or has fallen asleep since owes no answer', () => {
  const own = announcing();
  own.answered('b', true, true, '');
  assert.equal(effects(own.tick(facts(302_000, { members: ['b'] }))), ['suspend']);
});

test('each try that fails makes the next one wait twice as long, an hour at most', () => {
  const own = new OwnPower(OPTIONS);
  const waits: number[] = [];
  let nowMs = 0;
  own.tick(facts(nowMs));
  for (let i = 0; i < 9; i++) {
    nowMs += 10_000_000;
    own.tick(facts(nowMs));
    own.tick(facts(nowMs));
    own.answered('b', false, true, 'no');
    own.tick(facts(nowMs));
    waits.push(own.restLeftMs(nowMs) / 60_000);
  }
  assert.equal(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test('a handoff that does not end does not keep a node closed for ever', () => {
  const own = new OwnPower(OPTIONS);
  own.tick(facts(0));
  own.tick(facts(300_000, { empty: false }));
  assert.is(own.state, 'draining');
  assert.equal(own.tick(facts(350_000, { empty: false })), []);
  assert.equal(effects(own.tick(facts(361_000, { empty: false }))), ['open', 'rest']);
});

test('a person who wants it asleep need not wait, and the rule is not asked', () => {
  const own = new OwnPower(OPTIONS);
  assert.equal(effects(own.ask({ isManual: true, test: false }, 1000)), ['close']);
  assert.equal(effects(own.tick(facts(1000, { listed: false }))), ['farewell']);
  for (const peer of ['b', 'c']) own.answered(peer, true, true, '');
  assert.equal(effects(own.tick(facts(1100, { listed: false }))), ['suspend']);
});

test('the last node that is awake stays so, whoever wants it asleep', () => {
  const own = new OwnPower(OPTIONS);
  own.ask({ isManual: true, test: false }, 1000);
  own.tick(facts(1000, { members: [] }));
  assert.equal(effects(own.tick(facts(1001, { members: [] }))), ['withdraw', 'open', 'rest']);
});

test('a supervised test needs somebody who could wake the node', () => {
  for (const canWake of [true, false]) {
    const own = new OwnPower(OPTIONS);
    own.ask({ isManual: true, test: true }, 1000);
    own.tick(facts(1000));
    for (const peer of ['b', 'c']) own.answered(peer, true, canWake, '');
    assert.equal(effects(own.tick(facts(1100))), canWake ? ['suspend'] : ['withdraw', 'open', 'rest']);
  }
});

test('a driver that did not suspend it leaves a node that is open, and rests', () => {
  const own = announcing();
  for (const peer of ['b', 'c']) own.answered(peer, true, true, '');
  own.tick(facts(302_000));
  assert.equal(effects(own.notSuspended(303_000, 'an inhibitor')), ['withdraw', 'open', 'rest']);
  assert.is(own.closed, false);
});

test('a machine that slept ends this life, whoever sent it to sleep', () => {
  assert.equal(effects(new OwnPower(OPTIONS).slept(5)), ['end-life']);
});

test.run();
