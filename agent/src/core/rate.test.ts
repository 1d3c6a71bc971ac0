import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rate, Rates } from './rate.ts';

test('a burst passes, the next one waits, and time brings it back', () => {
  const rate = new Rate(3, 10);
  assert.equal(
    [0, 0, 0, 0].map(at => rate.take(at)),
    [true, true, true, false],
  );
  assert.not.ok(rate.take(99));
  assert.ok(rate.take(100));
  assert.not.ok(rate.take(100));
});

test('rest saves up a burst and no more, and a clock that stands still gives nothing', () => {
  const rate = new Rate(2, 1);
  assert.ok(rate.take(0, 2));
  assert.not.ok(rate.take(0));
  assert.ok(rate.take(1_000_000, 2));
  assert.not.ok(rate.take(1_000_000));
});

test('a peer that is too loud costs no other peer anything', () => {
  const rates = new Rates(1, 1);
  assert.ok(rates.take('loud', 0));
  assert.not.ok(rates.take('loud', 0));
  assert.ok(rates.take('quiet', 0));
  rates.forget('loud');
  assert.ok(rates.take('loud', 0));
});

test.run();
