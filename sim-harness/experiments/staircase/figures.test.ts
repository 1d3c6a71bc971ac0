import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { moveFor } from '../frame/testing.ts';
import { stairFigures } from './figures.ts';

const STEP_MS = 60_000;
/** A second a point: 20 % and the steps, the last of them shared for so long after VM1 wants all. */
const percentAt = (second: number, sharedS: number): number =>
  [0, 50, 100, 50, 0][Math.min(4, Math.floor(second / 60))] === 100 && second < 120 + sharedS ? 80 : 100;
const series = (sharedS: number) => [
  {
    name: 'vm1',
    points: Array.from({ length: 300 }, (_, i) => [i + 0.5, percentAt(i, sharedS)] as [number, number]),
  },
  { name: 'vm0', points: Array.from({ length: 300 }, (_, i) => [i + 0.5, 20] as [number, number]) },
  {
    name: 'node0',
    points: Array.from(
      { length: 300 },
      (_, i) => [i + 0.5, i < 60 ? 20 : i < 120 ? 70 : i < 180 ? 100 : 50] as [number, number],
    ),
  },
];
const out = moveFor({ decidedAtMs: 127_000, switchedAtMs: 128_000, transferMs: 20_000 });
const back = moveFor({
  from: 'node1',
  to: 'node0',
  reason: 'consolidate',
  decidedAtMs: 250_000,
  switchedAtMs: 251_000,
  transferMs: 20_000,
});

test('times are from the steps: found, decided, relieved, packed', () => {
  const figures = stairFigures(
    { series: series(8), moves: [out, back], handoffs: [], endMs: 300_000 },
    STEP_MS,
    10,
  );
  assert.is(figures.detectS, 7);
  assert.is(figures.reliefS, 1);
  assert.is(figures.overloadS, 8);
  assert.is(figures.packDetectS, 10);
  assert.is(figures.packedS, 31);
  assert.is(figures.neededS, 144);
  assert.is(figures.moves, 2);
  assert.is(figures.ruleLagS, 0.5);
  // At 80 % to second 128, without the two samples that are partly of the step before.
  assert.is(Number(figures.vm1LostS?.toFixed(2)), 1.4);
});

test('without moves nothing is made up', () => {
  const { vm1LostS, moves, neededS, ...rest } = stairFigures(
    { series: series(60), moves: [], handoffs: [], endMs: 300_000 },
    STEP_MS,
    10,
  );
  assert.equal([...new Set(Object.values(rest))], [-1]);
  assert.equal([moves, neededS], [0, 0]);
  assert.is(Number(vm1LostS?.toFixed(1)), 11.8);
});

test.run();
