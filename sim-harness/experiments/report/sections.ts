/** What the report says of each experiment, before it becomes HTML or Markdown. Pure. */
import { judgedLine } from '../frame/claim-text.ts';
import { judgeClaim } from '../frame/claims.ts';
import { discardedOf, kept } from '../frame/order.ts';
import { cellsOfTable } from '../frame/row-table.ts';
import { byArm, rowsOf } from '../frame/rows.ts';
import type { Cell, Experiment } from '../frame/types.ts';
import { type Chart, chartsOf } from './charts.ts';
import { drawnCells } from './choose.ts';

export type Section = {
  title: string;
  section: string;
  table: string[][];
  /** Name, unit and meaning of each figure. */
  meanings: [string, string, string][];
  remarks: readonly string[];
  /** Each claim, what was found, the verdict. */
  claims: [string, string, string][];
  /** A group for each arm. */
  charts: { arm: string; repetition: number; charts: Chart[] }[];
  discarded: string[];
  /** Of the cells that count. */
  commits: string[];
  /** Of the first of them. */
  machine: Record<string, string | number>;
};

/** Undefined where nothing was measured. */
export function sectionOf(experiment: Experiment, cells: readonly Cell[]): Section | undefined {
  const counting = kept(cells);
  const [first] = counting;
  if (!first) return undefined;
  return {
    title: experiment.title,
    section: experiment.section,
    table: cellsOfTable(experiment, rowsOf(experiment, cells)),
    meanings: Object.entries(experiment.figures).map(([name, { unit, meaning }]) => [name, unit, meaning]),
    remarks: experiment.remarks,
    claims: experiment.claims.map(claim =>
      judgedLine(judgeClaim(claim, byArm(experiment, cells, claim.figure))),
    ),
    charts: drawnCells(experiment, cells).map(cell => ({
      arm: cell.arm,
      repetition: cell.repetition,
      charts: chartsOf(cell, experiment.panels),
    })),
    discarded: discardedOf(cells).map(cell => `${cell.arm} ${cell.repetition}: ${cell.discarded}`),
    commits: [...new Set(counting.map(cell => cell.commit))],
    machine: first.machine,
  };
}
