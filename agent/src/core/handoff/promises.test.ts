import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from './cells.ts';
import { COLUMNS } from './engines.ts';

type Row = Record<string, Cell<string, string>>;
const cells = (row: Row) =>
  Object.entries(row).flatMap(([event, cell]) => (typeof cell === 'string' ? [] : [{ event, ...cell }]));

for (const [engine, { source, target }] of Object.entries(COLUMNS)) {
  test(`${engine}: a source that was refused moves nothing: only the target's own yes begins a handoff`, () => {
    const begins = cells(source.offered).filter(c => c.to !== 'gone');
    assert.equal(
      begins.map(c => [c.event, c.to]),
      [['accept', 'w-preparing']],
    );
  });

  test(`${engine}: no way of a target to its end passes by the giving back of the memory that it held for the VM`, () => {
    const rows = target as Record<string, Row>;
    const holding = new Set(['judging']);
    // A set that grows while it is walked: all that can be reached without giving anything back.
    for (const state of holding)
      for (const cell of cells(rows[state] ?? {}))
        if (!cell.do.includes('release-reservation')) holding.add(cell.to);
    assert.ok(['accepted', 'loading', 'ready', 'owner', 'running'].every(state => holding.has(state)));
    const over = ['transferred', 'not-run', 'resolved', 'gone'].filter(state => holding.has(state));
    assert.equal(over, []);
  });
}

test.run();
