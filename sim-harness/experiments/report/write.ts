/** Writes the report from what the ledger has of this commit. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import type { Ledger } from '../frame/ledger.ts';
import type { Experiment } from '../frame/types.ts';
import { htmlReport } from './html.ts';
import { markdownReport } from './markdown.ts';
import { sectionOf } from './sections.ts';

/** Answers the paths of the two pages. Throws SHOAL_EXPERIMENT_LEDGER when there is nothing to write about. */
export function writeReport(experiments: readonly Experiment[], ledger: Ledger, out: string): string[] {
  const sections = experiments.flatMap(
    experiment => sectionOf(experiment, ledger.cells(experiment.name, false)) ?? [],
  );
  if (sections.length === 0) {
    const what = 'nothing was measured at this commit (quick runs are no evidence, and in no report)';
    throw new ShoalError('SHOAL_EXPERIMENT_LEDGER', what, ledger.commit, 'npm run experiment -- all');
  }
  const figures = join(out, 'figures');
  rmSync(figures, { recursive: true, force: true });
  mkdirSync(figures, { recursive: true });
  for (const { charts } of sections)
    for (const chart of charts.flatMap(group => group.charts))
      writeFileSync(join(figures, chart.file), chart.svg);
  const [html, markdown] = [join(out, 'report.html'), join(out, 'report.md')];
  writeFileSync(html, htmlReport(sections, ledger.commit));
  writeFileSync(markdown, markdownReport(sections, ledger.commit));
  return [html, markdown];
}
