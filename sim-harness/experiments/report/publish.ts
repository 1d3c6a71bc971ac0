/**
 * `docs/evaluation`: the cells that its figures come from, and the page that is made of them, so that anyone can look behind a figure
 * or make it anew. `out/` is of one machine, and in no commit.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Ledger } from '../frame/ledger.ts';
import type { Cell, Experiment } from '../frame/types.ts';
import { nothingMeasured, sectionsOf, writeMarkdown } from './write.ts';

const CELLS = 'cells';

/**
 * Puts the experiments of which this commit has cells in place of those that were there, and makes the page anew. Answers the
 * names of these experiments. Throws SHOAL_EXPERIMENT_LEDGER when there are none.
 */
export function publish(experiments: readonly Experiment[], ledger: Ledger, dir: string): string[] {
  const found = experiments
    .map(({ name }) => ({ name, cells: ledger.cells(name, false) }))
    .filter(one => one.cells.length > 0);
  if (found.length === 0) throw nothingMeasured(ledger.commit);
  mkdirSync(join(dir, CELLS), { recursive: true });
  const published = publishedLedger(dir);
  for (const { name, cells } of found) {
    rmSync(join(dir, CELLS, name), { recursive: true, force: true });
    for (const cell of cells) published.keep(cell);
  }
  writeEvaluation(experiments, dir);
  return found.map(one => one.name);
}

/** The page and its figures, from the cells that are there. */
export function writeEvaluation(experiments: readonly Experiment[], dir: string): void {
  writeMarkdown(sectionsOf(experiments, publishedCells(dir)), join(dir, 'README.md'), dir);
}

/** By the name of an experiment. */
export const publishedCells =
  (dir: string) =>
  (name: string): Cell[] =>
    publishedLedger(dir).cells(name, false);

/** Every experiment at the commit at which it was measured, which its cells say: one directory for all. */
const publishedLedger = (dir: string): Ledger => new Ledger(dir, CELLS);
