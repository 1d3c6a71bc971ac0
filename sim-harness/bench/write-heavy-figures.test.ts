import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Run } from './one-move.ts';
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

test('what a guest visits is held against the link, and what travelled against what has data', () => {
  const row = heavyRow(arm, [move(1000), move(3000), move(2000)], 200);
  assert.equal([row.totalMs, row.transferMs, row.runs, row.unended], [2000, 1980, 3, 0]);
  assert.equal([row.visitedOverLink, row.wireOverData, row.guestWorkLost], [2, 1.01, 1.235]);
});

test('an engine that never ended has no times, and says so in its row', () => {
  const late = { ended: 'not converged in 60 s' };
  const none = heavyRow({ engine: 'precopy', guest: 'heavy' }, [late, late], 200);
  assert.equal([none.totalMs, none.wireOverData, none.unended, none.runs], [-1, -1, 2, 2]);
  assert.match(heavyTable([none]), /precopy +heavy +2 +- .* 2: not converged in 60 s\n/);
  const half = heavyRow(arm, [late, move(1000)], 200);
  assert.equal([half.totalMs, half.unended, half.runs], [1000, 1, 2]);
});

test.run();
