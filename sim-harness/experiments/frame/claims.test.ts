import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeClaim, meanBounds } from './claims.ts';

const arms = (figures: Record<string, number[]>) =>
  new Map(
    Object.entries(figures).map(([arm, values]) => [arm, new Map(values.map((value, i) => [i + 1, value]))]),
  );

test('bounds of a mean are those of Student', () => {
  const found = meanBounds([10, 12, 14]);
  assert.is(found?.mean, 12);
  assert.is(Number(found?.low.toFixed(3)), Number((12 - (4.303 * 2) / Math.sqrt(3)).toFixed(3)));
  assert.is(meanBounds([10]), undefined);
});

test('an arm has less when its differences say so in every repetition, however much both move', () => {
  const claim = { figure: 'penaltyPct', less: 'postcopy', than: 'precopy' };
  assert.is(judgeClaim(claim, arms({ postcopy: [2, 12, 22], precopy: [9, 19, 28] })).verdict, 'shown');
  assert.is(judgeClaim(claim, arms({ postcopy: [9, 19, 28], precopy: [2, 12, 22] })).verdict, 'refuted');
  assert.is(judgeClaim(claim, arms({ postcopy: [2, 12, 22], precopy: [9, 8, 30] })).verdict, 'not shown');
});

test('what was measured once, or not, shows nothing', () => {
  const claim = { figure: 'penaltyPct', less: 'postcopy', than: 'precopy' };
  assert.is(judgeClaim(claim, arms({ postcopy: [2], precopy: [9] })).verdict, 'not shown');
  assert.is(judgeClaim(claim, arms({ postcopy: [2, 2, -1], precopy: [9, -1, 9] })).verdict, 'not shown');
  assert.is(judgeClaim(claim, arms({ postcopy: [2, 2, 2] })).verdict, 'not shown');
});

test('an arm may be held against a number, and by a distance', () => {
  const most = { figure: 'penaltyPct', less: 'postcopy', by: 2.2 };
  assert.is(judgeClaim(most, arms({ postcopy: [1, 1.1, 1.2] })).verdict, 'shown');
  assert.is(judgeClaim(most, arms({ postcopy: [3, 3.1, 3.2] })).verdict, 'refuted');
  const far = { figure: 'badShare', less: 'postcopy', than: 'capped', by: -0.1 };
  assert.is(
    judgeClaim(far, arms({ postcopy: [0.1, 0.1, 0.11], capped: [0.24, 0.23, 0.25] })).verdict,
    'shown',
  );
  assert.is(
    judgeClaim(far, arms({ postcopy: [0.1, 0.1, 0.11], capped: [0.15, 0.16, 0.15] })).verdict,
    'refuted',
  );
});

test.run();
