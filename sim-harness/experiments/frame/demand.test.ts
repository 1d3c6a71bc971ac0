import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lostS, wantedAt } from './demand.ts';

const wants = [
  { atS: 0, vm: 'vm0', percent: 20 },
  { atS: 10, vm: 'vm1', percent: 100 },
  { atS: 15, vm: 'vm1', percent: 0 },
];
const series = (got: number) => [
  { name: 'vm1', points: Array.from({ length: 20 }, (_, i) => [i + 1, got] as [number, number]) },
];

test('a VM wants what it was last told, and nothing before', () => {
  assert.equal(
    [0, 9.9, 10, 14.9, 15].map(at => wantedAt(wants, 'vm1', at)),
    [0, 0, 100, 100, 0],
  );
  assert.is(wantedAt(wants, 'vm0', 15), 20);
});

test('what it did not get is counted where it wanted the same for the whole sample', () => {
  // Samples at 12, 13 and 14 are wholly of the step; at 10, 11, 15 and 16 they are of two.
  assert.is(Number(lostS(series(80), 'vm1', wants, 0, 20).toFixed(3)), 0.6);
  assert.is(lostS(series(100), 'vm1', wants, 0, 20), 0);
});

test('more than it wanted makes up for nothing', () => {
  assert.is(lostS(series(120), 'vm1', wants, 0, 20), 0);
});

test('only what lies between the two times counts', () => {
  assert.is(Number(lostS(series(80), 'vm1', wants, 12, 13).toFixed(3)), 0.2);
});

test.run();
