import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bank } from '../bank/bank.ts';
import { Ledger } from '../frame/ledger.ts';
import { cellOf, moveFor, QUIET } from '../frame/testing.ts';
import { staircase } from '../staircase/staircase.ts';
import { drawnCells } from './choose.ts';
import { publish, publishedCells } from './publish.ts';
import { sectionOf } from './sections.ts';
import { writeReport } from './write.ts';

const measured = (reliefS: number) => ({
  figures: { detectS: reliefS + 6, reliefS },
  series: [
    {
      name: 'node0',
      points: [
        [1, 20],
        [2, 100],
      ] as [number, number][],
    },
  ],
  moves: [moveFor({ switchedAtMs: 1500 })],
  badPages: 0,
  others: QUIET,
});
const cells = [3, 1, 2].map((reliefS, i) => cellOf({ repetition: i + 1, measured: measured(reliefS) }));

test('drawn is the run that is nearest to the median, and only one that counts', () => {
  const discarded = cellOf({
    repetition: 4,
    measured: measured(2),
    discarded: 'others used 20 % of the cores',
  });
  assert.equal(
    drawnCells(staircase, [...cells, discarded]).map(cell => cell.repetition),
    [3],
  );
});

test('a section has the table, the claims with their bounds, the charts and what was discarded', () => {
  const discarded = cellOf({ repetition: 4, discarded: 'others used 20 % of the cores' });
  const section = sectionOf(staircase, [...cells, discarded]);
  assert.equal(section?.table[0], ['', 'postcopy']);
  assert.ok(section?.table.some(line => line[0] === 'reliefS (s)' && line[1] === '2 (1 to 3) [1]'));
  assert.ok(section?.claims.some(([, , verdict]) => verdict === 'not shown'));
  assert.match(section?.charts[0]?.charts[0]?.svg ?? '', 'VM0 → PM1');
  assert.equal(section?.discarded, ['postcopy 4: others used 20 % of the cores']);
  assert.is(sectionOf(staircase, [discarded]), undefined);
});

test('the report is a page by itself, and Markdown with its figures beside it; quick runs are in neither', () => {
  const out = mkdtempSync(join(tmpdir(), 'shoal-report-'));
  try {
    const ledger = new Ledger(join(out, 'cells'), 'abc');
    ledger.keep(cellOf({ isQuick: true, measured: measured(1) }));
    assert.throws(
      () => writeReport([staircase], ledger, out),
      (error: { message: string }) => error.message.includes('nothing was measured'),
    );
    for (const cell of cells) ledger.keep(cell);
    const [html = '', markdown = ''] = writeReport([staircase], ledger, out);
    assert.match(readFileSync(html, 'utf8'), '<svg');
    assert.not.match(readFileSync(html, 'utf8'), 'src=');
    const links = [...readFileSync(markdown, 'utf8').matchAll(/\(figures\/(\S+)\)/g)].map(found => found[1]);
    assert.equal(links.sort(), readdirSync(join(out, 'figures')).sort());
    assert.ok(links.length > 0);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test('a chart says which figure of the paper shows the same, and of which arm there is none', () => {
  const titles = (arm: string) => {
    const section = sectionOf(staircase, [cellOf({ arm, measured: measured(1) })]);
    return section?.charts[0]?.charts.map(chart => chart.title);
  };
  assert.equal(titles('postcopy'), ['PM0, postcopy (the paper’s figure 3)']);
  assert.equal(titles('warm'), ['PM0, warm']);
});

test('responses that are good, late and failed are three lines of one chart, as in the paper', () => {
  const series = ['vm1-good', 'vm1-tolerable', 'vm1-failed'].map(name => ({
    name,
    points: [[1, 2]] as [number, number][],
  }));
  const section = sectionOf(bank, [cellOf({ experiment: 'bank', measured: { ...measured(1), series } })]);
  const [chart, ...more] = section?.charts[0]?.charts ?? [];
  assert.match(chart?.title ?? '', 'the paper’s figure 32');
  assert.is(chart?.svg.match(/<path /g)?.length, 3);
  assert.equal(more, []);
});

test('what is published has its cells beside it, and replaces what was published of the same experiment alone', () => {
  const out = mkdtempSync(join(tmpdir(), 'shoal-publish-'));
  try {
    const [ledger, dir] = [new Ledger(join(out, 'cells'), 'abc'), join(out, 'evaluation')];
    assert.throws(() => publish([staircase], ledger, dir), /nothing was measured/);
    for (const cell of cells) ledger.keep(cell);
    assert.equal(publish([staircase, bank], ledger, dir), ['staircase']);
    assert.equal(publishedCells(dir)('staircase'), cells);
    const later = new Ledger(join(out, 'cells'), 'abd');
    later.keep(cellOf({ experiment: 'bank', commit: 'abd', measured: measured(1) }));
    assert.equal(publish([staircase, bank], later, dir), ['bank']);
    assert.equal(publishedCells(dir)('staircase'), cells);
    const page = readFileSync(join(dir, 'README.md'), 'utf8');
    for (const commit of ['Commit abc;', 'Commit abd;']) assert.ok(page.includes(commit), commit);
    const links = [...page.matchAll(/\(figures\/(\S+)\)/g)].map(found => found[1]);
    assert.equal(links.sort(), readdirSync(join(dir, 'figures')).sort());
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test.run();
