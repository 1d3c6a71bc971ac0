/** Writes what was measured as pages, their charts in files beside them. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import type { Ledger } from '../frame/ledger.ts';
import type { Cell, Experiment } from '../frame/types.ts';
import { htmlReport } from './html.ts';
import { markdownReport } from './markdown.ts';
import { type Section, sectionOf } from './sections.ts';

/** Of this commit's cells. Answers the paths of the two pages. Throws SHOAL_EXPERIMENT_LEDGER when there is nothing to write about. */
export function writeReport(experiments: readonly Experiment[], ledger: Ledger, out: string): string[] {
  const sections = sectionsOf(experiments, name => ledger.cells(name, false));
  if (sections.length === 0) throw nothingMeasured(ledger.commit);
  const [html, markdown] = [join(out, 'report.html'), join(out, 'report.md')];
  writeFileSync(html, htmlReport(sections));
  writeMarkdown(sections, markdown, out);
  return [html, markdown];
}

export const nothingMeasured = (commit: string): ShoalError =>
  new ShoalError(
    'SHOAL_EXPERIMENT_LEDGER',
    'nothing was measured at this commit (quick runs are no evidence, and in no report)',
    commit,
    'npm run experiment -- all',
  );

export const sectionsOf = (
  experiments: readonly Experiment[],
  cells: (name: string) => readonly Cell[],
): Section[] => experiments.flatMap(experiment => sectionOf(experiment, cells(experiment.name)) ?? []);

/** The page at `path`, and its figures in `out/figures`, where nothing else stays. */
export function writeMarkdown(sections: readonly Section[], path: string, out: string): void {
  const figures = join(out, 'figures');
  rmSync(figures, { recursive: true, force: true });
  mkdirSync(figures, { recursive: true });
  for (const chart of sections.flatMap(({ charts }) => charts.flatMap(group => group.charts)))
    writeFileSync(join(figures, chart.file), chart.svg);
  writeFileSync(path, markdownReport(sections));
}
