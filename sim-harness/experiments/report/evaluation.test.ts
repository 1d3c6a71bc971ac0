import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../../guest/root.ts';
import { Ledger } from '../frame/ledger.ts';
import { EXPERIMENTS } from '../table.ts';
import { publish, publishedCells } from './publish.ts';

const DIR = join(repositoryRoot(), 'docs', 'evaluation');

test('docs/evaluation is what its cells say: the page, and every figure', () => {
  const out = mkdtempSync(join(tmpdir(), 'shoal-evaluation-'));
  try {
    // As if all of it had been measured anew.
    const ledger = new Ledger(out, 'cells');
    for (const { name } of EXPERIMENTS) for (const cell of publishedCells(DIR)(name)) ledger.keep(cell);
    const again = join(out, 'again');
    publish(EXPERIMENTS, ledger, again);
    const read = (dir: string, ...path: string[]) => readFileSync(join(dir, ...path), 'utf8');
    assert.is(read(DIR, 'README.md'), read(again, 'README.md'));
    const figures = readdirSync(join(again, 'figures')).sort();
    assert.equal(readdirSync(join(DIR, 'figures')).sort(), figures);
    for (const name of figures) assert.is(read(DIR, 'figures', name), read(again, 'figures', name), name);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test('every cell that is published says which program it was measured with, and no quick run is among them', () => {
  const cells = EXPERIMENTS.flatMap(({ name }) => publishedCells(DIR)(name));
  assert.ok(cells.length > 0);
  for (const { commit, isQuick, arm, measured } of cells) {
    assert.match(commit, /^[0-9a-f]{12}$/, arm);
    assert.is(isQuick, false);
    assert.is(measured.badPages, 0, arm);
  }
});

test.run();
