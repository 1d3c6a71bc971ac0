import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Run, wishes } from './one-move.ts';
import { armsOf, ratios } from './pairs.ts';
import { medianBounds } from './statistics.ts';

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const run = (part: Partial<Run>) => part as Run;

test('the bounds of a median are those of the sign test, and too few runs have none', () => {
  // Conover's table A3: ranks of the 95 % interval.
  assert.equal(
    [6, 10, 15, 20].map(n => medianBounds(upTo(n))),
    [
      { low: 1, high: 6 },
      { low: 2, high: 9 },
      { low: 4, high: 12 },
      { low: 6, high: 15 },
    ],
  );
  assert.is(medianBounds(upTo(5)), undefined);
  assert.is(medianBounds([]), undefined);
});

test('moves of one turn are compared with one another, and a turn that lost one of them is left out', () => {
  const turns = [
    { postcopy: run({ switchMs: 20 }), precopy: run({ switchMs: 40 }) },
    { postcopy: run({ switchMs: 90 }), precopy: run({ switchMs: 90 }) },
    { postcopy: run({ switchMs: 1 }) },
  ];
  const [found, ...more] = ratios(turns, ['postcopy', 'precopy']);
  assert.equal(more, [], 'nothing was measured but the switch');
  assert.equal(found, {
    ...{ of: 'postcopy', against: 'precopy', figure: 'switchMs', pairs: 2, median: 0.75, low: -1, high: -1 },
  });
});

test('each variant is an arm of its own, in the place of our engine and of no other', () => {
  assert.equal(armsOf(['precopy', 'postcopy', 'qemu-postcopy'], ['hot', 'compression-off']), [
    ...['precopy', 'postcopy:hot', 'postcopy:compression-off', 'qemu-postcopy'],
  ]);
  assert.equal(armsOf(['postcopy', 'precopy'], []), ['postcopy', 'precopy']);
});

test('a variant is a wish of the move alone, and one of a window never packs', () => {
  assert.equal(['', 'hot', 'compression-on', 'window-65536', 'window-0'].map(wishes), [
    ...[{}, { order: 'hot' }, { compression: 'on' }],
    ...[65_536, 0].map(bulkWindowBytes => ({ compression: 'off', bulkWindowBytes })),
  ]);
});

test('one engine alone has nobody to be compared with', () => {
  assert.equal(ratios([{ postcopy: run({ switchMs: 20 }) }], ['postcopy']), []);
});

test.run();
