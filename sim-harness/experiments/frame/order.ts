/** Which cells are still to be measured, in which order, and how long that takes. Pure. */
import type { Arm, Cell, Experiment } from './types.ts';

export type Step = { arm: Arm; repetition: number };

/** Of a cell that others disturb. */
export const TRIES = 3;

/** Each arm once in every repetition, every other one backwards: what drifts meanwhile drifts for all of them. */
export function order(arms: readonly Arm[], repetitions: number): Step[] {
  return Array.from({ length: repetitions }, (_, i) => i + 1).flatMap(repetition =>
    (repetition % 2 === 1 ? [...arms] : [...arms].reverse()).map(arm => ({ arm, repetition })),
  );
}

/** Those that count. */
export const kept = (cells: readonly Cell[]): Cell[] => cells.filter(cell => cell.discarded === '');

/** Without those that are kept, and without those that were tried often enough. */
export const missing = (steps: readonly Step[], cells: readonly Cell[]): Step[] =>
  steps.filter(({ arm, repetition }) => {
    const tries = cells.filter(cell => cell.arm === arm.name && cell.repetition === repetition);
    return kept(tries).length === 0 && tries.length < TRIES;
  });

/** By what cells of that arm took, else by the experiment's own guess. */
export function secondsLeft(
  experiment: Pick<Experiment, 'seconds'>,
  isQuick: boolean,
  steps: readonly Step[],
  cells: readonly Cell[],
): number {
  return steps.reduce((sum, { arm }) => {
    const took = cells.filter(cell => cell.arm === arm.name).map(cell => cell.seconds);
    const mean = took.reduce((all, one) => all + one, 0) / took.length;
    return sum + (took.length > 0 ? mean : experiment.seconds(arm, isQuick));
  }, 0);
}

export function durationText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const discardedOf = (cells: readonly Cell[]): Cell[] => cells.filter(cell => cell.discarded !== '');
