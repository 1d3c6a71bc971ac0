/** `npm run experiment`: its options, read before anything is brought up. Each throws SHOAL_EXPERIMENT_ARGS. Pure. */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent/errors';
import type { Experiment } from './frame/types.ts';

export const USAGE = `usage: npm run experiment -- NAME [--engine LIST] [--runs N] [--quick] [--json]
       npm run experiment -- report
       npm run experiment -- publish
       npm run experiment -- bank-scale

The paper's evaluation on real guests. NAME: one of EXPERIMENTS, or all.
Each run is a cell of a ledger in out/experiments, kept by commit: what is there is not measured again, and a run that was ended
goes on where it was. report writes out/experiments/report.html and report.md from it; publish puts the same cells and their page into
docs/evaluation. bank-scale finds how many users the banks of this machine have and what a page costs, by the rule of
docs/decisions/0025, and keeps it in out/experiments/bank-scale.json.

  --engine LIST   Of its arms only these, with commas.
  --runs N        Repetitions of each arm, 1 to 50; default: the experiment's own. One with --quick.
  --quick         Short steps, few arms, small guests: the same code in minutes. Kept apart, and no evidence.
  --json          Rows as JSON: {experiment, engine, figure, median, min, max, runs, paper}.
  --help          This.

exit codes: 0 all is measured; 1 something failed, or a page of a guest was wrong; 2 bad arguments, or inconclusive: cells are
missing since others used the cores
`;

export type Options = {
  names: readonly string[];
  isReport: boolean;
  isPublish: boolean;
  isScale: boolean;
  arms: readonly string[] | undefined;
  runs: number | undefined;
  isQuick: boolean;
  isJson: boolean;
};

const RUNS_MOST = 50;

export function optionsOf(args: string[], experiments: readonly Experiment[]): Options | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const [name = '', ...rest] = positionals;
  if (rest.length > 0) throw bad(`one name is enough, there is ${rest[0]} too`, name, 'Say one, or all');
  const known = experiments.map(one => one.name);
  if (![...known, 'all', 'report', 'publish', 'bank-scale'].includes(name)) {
    const what = name === '' ? 'no experiment is named' : `there is no experiment ${name}`;
    throw bad(what, 'NAME', `Say ${known.join(', ')}, all, report, publish or bank-scale`);
  }
  const names = name === 'all' ? known : known.filter(one => one === name);
  const arms = values.engine?.split(',');
  for (const arm of arms ?? []) {
    const all = experiments.filter(one => names.includes(one.name)).flatMap(one => one.arms.map(a => a.name));
    if (!all.includes(arm))
      throw bad(
        `${name} has no arm ${arm || '(an empty word)'}`,
        '--engine',
        `Say ${[...new Set(all)].join(', ')}`,
      );
  }
  return {
    names,
    isReport: name === 'report',
    isPublish: name === 'publish',
    isScale: name === 'bank-scale',
    arms,
    runs: values.runs === undefined ? undefined : runs(values.runs),
    isQuick: values.quick,
    isJson: values.json,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        engine: { type: 'string' },
        runs: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw bad((error as Error).message.split('. ')[0] ?? '', args.join(' '), 'See --help');
  }
}

function runs(value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : 0;
  if (number >= 1 && number <= RUNS_MOST) return number;
  throw bad(
    `${value || 'an empty word'} is no whole number from 1 to ${RUNS_MOST}`,
    '--runs',
    'Mend the option',
  );
}

const bad = (what: string, where: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_EXPERIMENT_ARGS', what, where, todo);
