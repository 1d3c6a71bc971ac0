/** Rows as a table: a line for each figure, a column for each arm. Pure. */
import type { Experiment, Row } from './types.ts';

type Tabled = Pick<Experiment, 'name' | 'title' | 'section' | 'arms' | 'figures'>;

/** `12.3 (12.1 to 12.9)`, with what the paper has behind it. */
export function shown({ median, min, max, runs, paper }: Row, unit = ''): string {
  const round = (value: number) => String(Number(value.toFixed(Math.abs(value) < 10 ? 2 : 1)));
  const spread = runs > 1 ? ` (${round(min)} to ${round(max)})` : '';
  return `${round(median)}${spread}${paper === null ? '' : ` [${paper}${unit}]`}`;
}

/** Head and lines; arms and figures of which nothing was measured are left out. */
export function cellsOfTable(experiment: Tabled, rows: readonly Row[]): string[][] {
  const own = rows.filter(row => row.experiment === experiment.name);
  const arms = experiment.arms.filter(arm => own.some(row => row.engine === arm.name));
  const lines = Object.entries(experiment.figures).flatMap(([figure, { unit }]) => {
    const found = arms.map(arm => own.find(row => row.figure === figure && row.engine === arm.name));
    if (found.every(row => row === undefined)) return [];
    return [[`${figure}${unit ? ` (${unit})` : ''}`, ...found.map(row => (row ? shown(row) : '-'))]];
  });
  const runs = arms.map(arm => String(Math.max(...own.filter(r => r.engine === arm.name).map(r => r.runs))));
  return arms.length === 0 ? [] : [['', ...arms.map(arm => arm.name)], ['runs', ...runs], ...lines];
}

/** For a terminal; empty where nothing was measured. */
export function rowTable(experiment: Tabled, rows: readonly Row[]): string {
  const table = cellsOfTable(experiment, rows);
  if (table.length === 0) return '';
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map(line => (line[column] ?? '').length)),
  );
  const lines = table.map(line =>
    line
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `\n${experiment.title} (section ${experiment.section}); medians (least to most) [the paper's]\n${lines.join('\n')}\n`;
}
