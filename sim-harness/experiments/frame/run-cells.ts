/** Measures what is missing of an experiment, a cell at a time, and keeps each as soon as it is there. */
import { clock } from '@shoal/agent/edge/clock';
import { disturbed, percent } from '../../bench/others.ts';
import { machineFacts } from '../../lab/machine.ts';
import type { Ledger } from './ledger.ts';
import { durationText, missing, order, type Step, secondsLeft } from './order.ts';
import type { Arm, Cell, Experiment } from './types.ts';

export type Wanted = { isQuick: boolean; arms: readonly Arm[]; repetitions: number };

/** Of those that were asked for: measured or not, discarded or not. */
export function cellsOf(
  experiment: Experiment,
  { isQuick, arms, repetitions }: Wanted,
  ledger: Ledger,
): Cell[] {
  const names = arms.map(arm => arm.name);
  return ledger
    .cells(experiment.name, isQuick)
    .filter(cell => names.includes(cell.arm) && cell.repetition <= repetitions);
}

export const stepsLeft = (experiment: Experiment, wanted: Wanted, ledger: Ledger): Step[] =>
  missing(order(wanted.arms, wanted.repetitions), cellsOf(experiment, wanted, ledger));

export function estimateS(experiment: Experiment, wanted: Wanted, ledger: Ledger): number {
  const cells = ledger.cells(experiment.name, wanted.isQuick);
  return secondsLeft(experiment, wanted.isQuick, stepsLeft(experiment, wanted, ledger), cells);
}

/** `failed` (answered): what could not be measured, and why; the others are measured all the same. */
export async function runCells(
  experiment: Experiment,
  wanted: Wanted,
  ledger: Ledger,
  say: (line: string) => void,
): Promise<string[]> {
  const failed: string[] = [];
  const over = new Set<Step>();
  for (;;) {
    const [step] = stepsLeft(experiment, wanted, ledger).filter(
      one => ![...over].some(other => other.arm === one.arm && other.repetition === one.repetition),
    );
    if (!step) return failed;
    const name = `${experiment.name} ${step.arm.name} ${step.repetition}`;
    say(`${name}; ${durationText(estimateS(experiment, wanted, ledger))} left`);
    try {
      const cell = await oneCell(experiment, step, wanted.isQuick, ledger.commit, say);
      ledger.keep(cell);
      say(`${name}: ${cell.discarded === '' ? 'kept' : `discarded, ${cell.discarded}`}${told(cell)}`);
    } catch (error) {
      // Not tried again in this run: what breaks once mostly breaks twice, and the others are waiting.
      over.add(step);
      failed.push(`${name}: ${(error as Error).message}`);
      say(`${name}: FAILED, ${(error as Error).message}`);
    }
  }
}

async function oneCell(
  experiment: Experiment,
  { arm, repetition }: Step,
  isQuick: boolean,
  commit: string,
  say: (line: string) => void,
): Promise<Cell> {
  const begunMs = clock.nowMs();
  const measured = await experiment.run(arm, isQuick, line => say(`  ${line}`));
  return {
    ...{ experiment: experiment.name, isQuick, arm: arm.name, repetition, commit },
    atMs: clock.wallMs(),
    seconds: Math.round((clock.nowMs() - begunMs) / 1000),
    // A quick run is no evidence, and is not made again: its rows are there in any case.
    discarded: isQuick ? '' : disturbed(measured.others),
    machine: machineFacts(),
    measured,
  };
}

function told({ measured: { figures, badPages, others } }: Cell): string {
  const list = Object.entries(figures).map(([name, value]) => `${name} ${Number(value.toFixed(2))}`);
  const bad = badPages > 0 ? `, ${badPages} BAD PAGES` : '';
  return `; ${list.join(', ')}; others ${percent(others.share)}${bad}`;
}
