/** Prints every page that is made from code: `npm run docs`. Each has a test that holds it to the code. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cliReference as cli } from '../agent/src/cli/reference.ts';
import { reference as config } from '../agent/src/config/reference.ts';
import { tablePage } from '../agent/src/core/handoff/table-page.ts';
import { powerTablePage } from '../agent/src/core/power/table-page.ts';
import { openApiText as openapi } from '../agent/src/edge/http/openapi.ts';
import { httpReference as http } from '../agent/src/edge/http/reference.ts';
import { metricsReference as metrics } from '../agent/src/edge/metrics-reference.ts';
import { errorReference as errors } from '../agent/src/error-reference.ts';
import { benchReference as bench } from '../sim-harness/bench/reference.ts';
import { experimentsReference as experiments } from '../sim-harness/experiments/reference.ts';
import { writeEvaluation } from '../sim-harness/experiments/report/publish.ts';
import { EXPERIMENTS } from '../sim-harness/experiments/table.ts';

const PAGES: Record<string, () => string> = {
  'docs/handoff-table.md': tablePage,
  'docs/power-table.md': powerTablePage,
  'docs/reference/config.md': config,
  'docs/reference/cli.md': cli,
  'docs/reference/http.md': http,
  'docs/reference/openapi.json': openapi,
  'docs/metrics.md': metrics,
  'docs/errors.md': errors,
  'docs/bench.md': bench,
  'docs/experiments.md': experiments,
};
for (const [path, print] of Object.entries(PAGES))
  writeFileSync(new URL(`../${path}`, import.meta.url), print());
writeEvaluation(EXPERIMENTS, fileURLToPath(new URL('../docs/evaluation', import.meta.url)));
