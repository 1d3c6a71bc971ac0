/** `npm run experiment`: see USAGE. */
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { repositoryRoot } from '../guest/root.ts';
import { findScale } from './bank/find-scale.ts';
import { commitOf, Ledger } from './frame/ledger.ts';
import { durationText, kept } from './frame/order.ts';
import { rowTable } from './frame/row-table.ts';
import { rowsOf } from './frame/rows.ts';
import { cellsOf, estimateS, runCells, stepsLeft, type Wanted } from './frame/run-cells.ts';
import type { Cell, Experiment, Row } from './frame/types.ts';
import { type Options, optionsOf, USAGE } from './options.ts';
import { publish } from './report/publish.ts';
import { writeReport } from './report/write.ts';
import { EXPERIMENTS } from './table.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(args: string[]): Promise<number> {
  const options = optionsOf(args, EXPERIMENTS);
  if (options === 'help') {
    process.stdout.write(USAGE.replace('EXPERIMENTS', EXPERIMENTS.map(one => one.name).join(', ')));
    return 0;
  }
  if (options.isScale) {
    process.stdout.write(`${await findScale(say)}\n`);
    return 0;
  }
  const out = join(repositoryRoot(), 'out', 'experiments');
  const ledger = new Ledger(join(out, 'cells'), commitOf(repositoryRoot()));
  if (options.isReport) {
    for (const file of writeReport(EXPERIMENTS, ledger, out)) process.stdout.write(`${file}\n`);
    return 0;
  }
  if (options.isPublish) {
    const names = publish(EXPERIMENTS, ledger, join(repositoryRoot(), 'docs', 'evaluation'));
    process.stdout.write(`docs/evaluation: ${names.join(', ')}\n`);
    return 0;
  }
  const chosen = EXPERIMENTS.filter(one => options.names.includes(one.name)).map(experiment => ({
    experiment,
    wanted: wantedOf(experiment, options),
  }));
  const seconds = chosen.reduce((sum, one) => sum + estimateS(one.experiment, one.wanted, ledger), 0);
  const cells = chosen.reduce((sum, one) => sum + stepsLeft(one.experiment, one.wanted, ledger).length, 0);
  say(`${cells} cells to measure, about ${durationText(seconds)}; kept in ${out}`);
  const failed: string[] = [];
  for (const { experiment, wanted } of chosen)
    failed.push(...(await runCells(experiment, wanted, ledger, say)));
  const seen = chosen.map(one => ({ ...one, cells: cellsOf(one.experiment, one.wanted, ledger) }));
  const rows = seen.flatMap(one => rowsOf(one.experiment, one.cells));
  process.stdout.write(options.isJson ? `${JSON.stringify(rows, null, 2)}\n` : tables(rows));
  for (const line of failed) say(`failed: ${line}`);
  const all = seen.flatMap(one => one.cells);
  for (const cell of all.filter(one => one.discarded !== ''))
    say(`discarded: ${cell.experiment} ${cell.arm} ${cell.repetition}: ${cell.discarded}`);
  const isWhole = chosen.every(one => stepsWanted(one.wanted) === keptOf(one.experiment, all));
  if (failed.length > 0 || all.some(cell => cell.measured.badPages > 0)) return 1;
  return isWhole ? 0 : 2;
}

function wantedOf(experiment: Experiment, { isQuick, arms, runs }: Options): Wanted {
  const names = arms ?? (isQuick ? experiment.quickArms : experiment.arms.map(arm => arm.name));
  return {
    isQuick,
    arms: experiment.arms.filter(arm => names.includes(arm.name)),
    repetitions: runs ?? (isQuick ? 1 : experiment.repetitions),
  };
}

const stepsWanted = ({ arms, repetitions }: Wanted): number => arms.length * repetitions;

const keptOf = ({ name }: Experiment, cells: readonly Cell[]): number =>
  kept(cells).filter(cell => cell.experiment === name).length;

const tables = (rows: readonly Row[]): string =>
  EXPERIMENTS.map(experiment => rowTable(experiment, rows)).join('');

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const ours = error instanceof ShoalError;
  process.stderr.write(`experiment: ${ours ? error.line() : (error as Error).stack}\n`);
  process.exit(ours && error.code === 'SHOAL_EXPERIMENT_ARGS' ? 2 : 1);
}
