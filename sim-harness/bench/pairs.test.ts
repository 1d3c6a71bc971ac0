import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Run } from './figures-table.ts';
import { wishes } from './one-move.ts';
import { armsOf, ratio, ratios, ratioText } from './pairs.ts';
import { medianBounds, middle, middleText } from './statistics.ts';

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

test('a move that cost nothing counts: else whoever is at 0 seldom would win', () => {
  assert.equal([ratio(0, 2), ratio(2, 0), ratio(0, 0), ratio(1, 2)], [0, Number.POSITIVE_INFINITY, 1, 0.5]);
  assert.is(ratio(-0.01, 0.1), 0, 'less than nothing is noise about 0');
  for (const [of, against] of [
    [-1, 1],
    [1, -1],
    [undefined, 1],
  ] as const)
    assert.is(ratio(of, against), undefined, 'only what was not measured is left out');
  const turns = [0, 0, 3].map(lost => ({
    warm: run({ guestWorkLost10s: lost }),
    postcopy: run({ guestWorkLost10s: 3 - lost }),
  }));
  const [found] = ratios(turns, ['warm', 'postcopy']);
  assert.equal([found?.figure, found?.pairs, found?.median], ['guestWorkLost10s', 3, 0]);
});

test('CPU time of page servers is compared with nobody: of QEMU it is a relay alone', () => {
  assert.equal(
    ratios(
      [{ postcopy: run({ cpuS: 2 }), 'qemu-postcopy': run({ cpuS: 1 }) }],
      ['postcopy', 'qemu-postcopy'],
    ),
    [],
  );
});

test('few pairs are said to be too few for a bound, rather than given one', () => {
  const pair = { of: 'postcopy', against: 'precopy', figure: 'switchMs', median: 0.5 } as const;
  assert.is(
    ratioText({ ...pair, pairs: 3, low: -1, high: -1 }),
    'postcopy / precopy  switchMs 0.5 (3 pairs, too few for a bound)',
  );
  assert.match(ratioText({ ...pair, pairs: 6, low: 0.4, high: 0.6 }), /\(95 %: 0\.4 to 0\.6; 6 pairs\)$/);
});

test('a middle leaves out what was not measured, and is shown with its bounds from six values on', () => {
  assert.equal(middle([-1, 4, -1, 2]), { count: 2, median: 3, low: -1, high: -1 });
  assert.is(middleText(middle([1, 2]), String), '1.5');
  assert.is(middleText(middle([-1]), String), '-');
  assert.is(middleText(middle([-2, -1.5, 0, 1, 2, 3]), String), '0.5 (-2 to 3)');
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
