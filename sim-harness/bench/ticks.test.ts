import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bounds, median } from './statistics.ts';
import { longestGapMs, lostS, parseTick, type Tick, workRate } from './ticks.ts';

const tick = (atMs: number, work: number): Tick => ({ atMs, n: 0, work, bad: 0 });

test('a tick of a guest is read, and nothing else is taken for one', () => {
  assert.equal(parseTick('t 5 700 0', 9), { atMs: 9, n: 5, work: 700, bad: 0 });
  for (const line of ['ok status', 't 5 700', 't x 1 2', 'bad 0 of 5'])
    assert.is(parseTick(line, 0), undefined);
});

test('a guest that stood still for 90 of 200 ms has lost 90 ms of its steady work', () => {
  const steady = [tick(0, 0), tick(100, 1000)];
  const moved = [tick(100, 1000), tick(150, 1500), tick(240, 1500), tick(300, 2100)];
  assert.is(workRate(steady), 10);
  assert.is(longestGapMs(moved), 90);
  assert.is(lostS(moved, 100, 300, 10), 0.09);
});

test('a guest that did more than its rate has lost less than nothing, which is not hidden', () => {
  const ticks = [tick(0, 0), tick(1000, 11_000)];
  assert.is(lostS(ticks, 0, 1000, 10), -0.1);
  assert.is(lostS(ticks, 0, 500, 11), 0, 'also between two ticks');
});

test('without ticks nothing is claimed', () => {
  assert.is(lostS([], 0, 100, 10), undefined);
  assert.is(lostS([tick(0, 0), tick(9, 9)], 0, 9, 0), undefined);
  assert.is(longestGapMs([]), 0);
  assert.is(median([]), -1);
});

test('medians of odd and even runs, and their bounds', () => {
  assert.is(median([9, 1, 5]), 5);
  assert.is(median([1, 2, 3, 10]), 2.5);
  assert.equal(bounds([3, 1, 2]), { min: 1, max: 3 });
});

test.run();
