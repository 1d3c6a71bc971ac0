import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Run } from './figures-table.ts';
import { heavyRow, heavyTable } from './write-heavy-figures.ts';

const arm = { engine: 'postcopy', guest: 'heavy' } as const;
const move = (totalMs: number) =>
  ({
    ...{
      totalMs,
      switchMs: 20,
      blackoutMs: 10,
      transferMs: totalMs - 20,
      guestGapMs: 9,
      guestWorkLost: 1.2346,
    },
    ...{ badPages: 0, guestPagesPerS: 12_207.03125, wireBytes: 101_000, dataBytes: 100_000 },
  }) as Run;

const rawMbit = () => 200;

test('what a guest visits is held against the link, and what travelled against what has data', () => {
  const row = heavyRow(arm, [move(1000), move(3000), move(2000)], rawMbit);
  const { totalMs, transferMs, guestWorkLost } = row.figures;
  assert.equal([totalMs.median, transferMs.median, row.runs, row.unended], [2000, 1980, 3, 0]);
  assert.equal(
    [row.visitedOverLink, row.wireOverData, guestWorkLost].map(figure => figure.median),
    [2, 1.01, 1.2346],
  );
});

test('each way of the link is its own', () => {
  const ways = ['node0', 'node1'].map(from => ({ ...move(1), from }));
  const row = heavyRow(arm, ways, from => (from === 'node0' ? 200 : 400));
  assert.is(row.visitedOverLink.median, 1.5);
});

test('an engine that never ended has no times, and says so in its row', () => {
  const ways = { from: 'node0', to: 'node1', strangersShare: 0, strangersCores: [] };
  const late = { ended: 'not converged in 60 s', ...ways };
  const none = heavyRow({ engine: 'precopy', guest: 'heavy' }, [late, late], rawMbit);
  assert.equal([none.figures.totalMs.count, none.wireOverData.count, none.unended, none.runs], [0, 0, 2, 2]);
  assert.match(heavyTable([none]), /precopy +heavy +2 +- .* 2: not converged in 60 s\n/);
  const half = heavyRow(arm, [late, move(1000)], rawMbit);
  assert.equal([half.figures.totalMs.median, half.unended, half.runs], [1000, 1, 2]);
});

test('a table of six runs shows bounds, and a page that is wrong in one run is not lost in a median', () => {
  const row = heavyRow(
    arm,
    [1, 2, 3, 4, 5, 6].map(ms => ({ ...move(ms), badPages: ms === 6 ? 2 : 0 })),
    rawMbit,
  );
  assert.is(row.badPages, 2);
  assert.match(heavyTable([row]), /postcopy +heavy +6 +3\.5 \(1 to 6\)/);
});

test.run();
