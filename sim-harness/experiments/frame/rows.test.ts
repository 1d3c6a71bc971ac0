import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ARMS } from './arms.ts';
import { cellsOfTable, rowTable } from './row-table.ts';
import { rowsOf } from './rows.ts';
import { cellOf } from './testing.ts';
import type { Cell } from './types.ts';

const experiment = {
  name: 'staircase',
  title: 'A staircase',
  section: '5.1',
  arms: [ARMS.postcopy, ARMS.precopy],
  figures: {
    reliefS: { unit: 's', meaning: 'Relief.', paper: { postcopy: 1 } },
    moves: { unit: '', meaning: 'Moves.' },
  },
};

test('a row has the median of what counts, its ends, and what the paper has', () => {
  const cells = [
    cellOf({ repetition: 1, figures: { reliefS: 3 } }),
    cellOf({ repetition: 2, figures: { reliefS: 1 } }),
    cellOf({ repetition: 3, figures: { reliefS: 9 } }),
    cellOf({ repetition: 3, figures: { reliefS: 70 }, discarded: 'others used 20 % of the cores' }),
  ];
  assert.equal(rowsOf(experiment, cells), [
    {
      experiment: 'staircase',
      engine: 'postcopy',
      figure: 'reliefS',
      median: 3,
      min: 1,
      max: 9,
      runs: 3,
      paper: 1,
    },
  ]);
});

test('what was not measured makes no row, and no zero', () => {
  const rows = rowsOf(experiment, [cellOf({ figures: { reliefS: -1, moves: 2 } })]);
  assert.equal(
    rows.map(row => [row.figure, row.median]),
    [['moves', 2]],
  );
});

test('figures that need other arms go before those of the cell itself', () => {
  const compared = (cell: Cell, kept: readonly Cell[]) => ({ reliefS: kept.length + cell.repetition });
  const [row] = rowsOf({ ...experiment, compared }, [cellOf({ figures: { reliefS: 1 } })]);
  assert.is(row?.median, 2);
});

test('a table has a column for each arm that was measured, and the paper in brackets', () => {
  const rows = rowsOf(experiment, [cellOf({ figures: { reliefS: 0.75, moves: 2 } })]);
  assert.equal(cellsOfTable(experiment, rows), [
    ['', 'postcopy'],
    ['runs', '1'],
    ['reliefS (s)', '0.75 [1]'],
    ['moves', '2'],
  ]);
  assert.match(rowTable(experiment, rows), 'reliefS (s)  0.75 [1]');
  assert.is(rowTable(experiment, []), '');
});

test.run();
