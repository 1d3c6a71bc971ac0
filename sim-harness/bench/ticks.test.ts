import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bounds, median } from './statistics.ts';
import { longestGapMs, lostBeside, parseTick, type Tick, workLostS, workRate } from './ticks.ts';

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
  assert.is(workLostS(moved, 10), 0.09);
});

test('a guest whose core others use for 300 of 500 ms has lost as much, by what it does alone afterwards', () => {
  const ticks = [
    tick(0, 0),
    tick(100, 500),
    tick(600, 2500),
    tick(700, 3500),
    tick(1000, 6500),
    tick(1500, 11_500),
  ];
  assert.is(lostBeside(ticks, 100, 600), 0.3);
  assert.is(lostBeside(ticks, 100, 1400), -1, 'nothing is known of it alone');
});

test('without ticks nothing is claimed', () => {
  assert.is(workLostS([], 10), -1);
  assert.is(longestGapMs([]), 0);
  assert.is(median([]), -1);
});

test('medians of odd and even runs, and their bounds', () => {
  assert.is(median([9, 1, 5]), 5);
  assert.is(median([1, 2, 3, 10]), 2.5);
  assert.equal(bounds([3, 1, 2]), { min: 1, max: 3 });
});

test.run();
