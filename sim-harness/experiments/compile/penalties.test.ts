import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cellOf } from '../frame/testing.ts';
import { penalties } from './penalties.ts';

const figures = (vm0S: number, vm1S: number, vm0StoodS: number, vm1StoodS: number) => ({
  ...{ vm0S, vm1S, vm0StoodS, vm1StoodS },
});
const apart = [
  cellOf({ arm: 'apart', repetition: 1, figures: figures(200, 200, 2, 2) }),
  cellOf({ arm: 'apart', repetition: 2, figures: figures(220, 210, 4, 2) }),
];

test('a penalty is against the builds apart of the same repetition, the mean of both VMs', () => {
  const cell = cellOf({ repetition: 1, figures: figures(204, 208, 6, 10) });
  const { penaltyPct, stoodPct } = penalties(cell, [...apart, cell]);
  assert.is(Number(penaltyPct?.toFixed(6)), 3);
  assert.is(Number(stoodPct?.toFixed(6)), 3);
});

test('where that run is missing, against the median of those that there are', () => {
  const cell = cellOf({ repetition: 3, figures: figures(231, 205, 3, 2) });
  const { penaltyPct } = penalties(cell, [...apart, cell]);
  assert.is(Number(penaltyPct?.toFixed(6)), 5);
});

test('without builds apart there is no penalty, and apart has none itself', () => {
  const cell = cellOf({ figures: figures(204, 208, 6, 10) });
  assert.equal(penalties(cell, [cell]), {});
  assert.equal(penalties(apart[0] ?? cell, apart), {});
});

test.run();
