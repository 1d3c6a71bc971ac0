import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ARMS } from './arms.ts';
import { durationText, missing, order, secondsLeft } from './order.ts';
import { cellOf } from './testing.ts';

const arms = [ARMS.apart, ARMS.postcopy, ARMS.none];
const names = (steps: ReturnType<typeof order>) => steps.map(step => `${step.arm.name} ${step.repetition}`);

test('arms take turns, every other time backwards, so that none is always the last', () => {
  assert.equal(names(order(arms, 2)), ['apart 1', 'postcopy 1', 'none 1', 'none 2', 'postcopy 2', 'apart 2']);
});

test('what is kept is not measured again; what was discarded is, at most twice', () => {
  const steps = order([ARMS.postcopy], 2);
  const bad = (repetition: number) => cellOf({ repetition, discarded: 'others used 20 % of the cores' });
  assert.equal(names(missing(steps, [cellOf()])), ['postcopy 2']);
  assert.equal(names(missing(steps, [cellOf(), bad(2), bad(2)])), ['postcopy 2']);
  assert.equal(names(missing(steps, [cellOf(), bad(2), bad(2), bad(2)])), []);
});

test('a cell of another arm or repetition does not stand for this one', () => {
  const steps = order([ARMS.postcopy], 1);
  assert.is(missing(steps, [cellOf({ arm: 'precopy' }), cellOf({ repetition: 2 })]).length, 1);
});

test('what is left is told by what such cells took, and by a guess before there is one', () => {
  const steps = order([ARMS.postcopy, ARMS.precopy], 2);
  const cells = [cellOf({ seconds: 100 }), cellOf({ seconds: 200 })];
  assert.is(secondsLeft({ seconds: () => 400 }, false, steps, cells), 2 * 150 + 2 * 400);
});

test('a duration is told as people say it', () => {
  assert.equal([59, 61, 3600, 7261].map(durationText), ['1 min', '2 min', '1 h 0 min', '2 h 2 min']);
});

test.run();
