/**
 * `npm run demo [-- --json] [--engine postcopy|warm|precopy] [--paper] [--memory MiB] [--filled MiB] [--out DIR]`
 * Exit codes: 0 as the rule asks, 1 not, 2 strangers took the cores (inconclusive) or bad arguments.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';
import type { Engine } from '@shoal/protocol';
import { repositoryRoot } from '../guest/root.ts';
import { Live } from './live.ts';
import { plots } from './plots.ts';
import type { Report } from './report.ts';
import { runDemo } from './run.ts';
import { summary } from './summary.ts';

const STEP_MS = 20_000;
const PAPER_STEP_MS = 60_000;
const EXIT: Record<Report['verdict'], number> = { ok: 0, failed: 1, inconclusive: 2 };

const USAGE = `usage: npm run demo -- [--json] [--engine postcopy|warm|precopy] [--paper] [--memory MIB] [--filled MIB] [--out DIR]

Two nodes, two VMs: vm0 at a constant 20 %, vm1 in steps of 0, 50, 100, 50, 0 %, 20 s each (--paper: 60 s).
Writes report.json and four plots to DIR (default out/demo).
exit codes: 0 as the rule asks, 1 not, 2 inconclusive (others took the cores) or bad arguments
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      engine: { type: 'string', default: 'postcopy' },
      paper: { type: 'boolean', default: false },
      memory: { type: 'string', default: '512' },
      filled: { type: 'string', default: '256' },
      out: { type: 'string', default: join(repositoryRoot(), 'out', 'demo') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = {
    engine: engine(values.engine),
    stepMs: values.paper ? PAPER_STEP_MS : STEP_MS,
    memoryMib: mebibytes('--memory', values.memory),
    filledMib: mebibytes('--filled', values.filled),
  };
  const live = new Live(values.json ? process.stderr : process.stdout);
  const report = await runDemo(options, live);
  await mkdir(values.out, { recursive: true });
  await writeFile(join(values.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  for (const [name, svg] of Object.entries(plots(report))) await writeFile(join(values.out, name), svg);
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : summary(report, values.out));
  return EXIT[report.verdict];
}

function engine(value: string): Engine {
  if (value === 'postcopy' || value === 'warm' || value === 'precopy') return value;
  throw new ShoalError(
    'SHOAL_DEMO_ARGS',
    `there is no engine ${value}`,
    '--engine',
    'Say postcopy or precopy',
  );
}

function mebibytes(option: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 16 && number <= 65_536) return number;
  throw new ShoalError('SHOAL_DEMO_ARGS', `${value} is no number of MiB from 16 to 65536`, option, 'Mend it');
}

try {
  process.exitCode = await main();
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const ours = error instanceof ShoalError;
  process.stderr.write(
    `demo: ${ours ? error.line() : usage ? (error as Error).message : (error as Error).stack}\n`,
  );
  process.exitCode = usage || (ours && error.code === 'SHOAL_DEMO_ARGS') ? 2 : 1;
}
