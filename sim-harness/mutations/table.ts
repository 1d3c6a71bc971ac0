/** What `npm run mutations` prints. */
import { MUTATIONS } from './mutations.ts';
import type { Row } from './types.ts';

const widthOf = (texts: string[]): number => Math.max(...texts.map(t => t.length));

/** One line for each row: mutation, who had to notice, whether it did. */
export function table(rows: readonly Row[]): string {
  const names = widthOf(rows.map(r => r.mutation));
  const checkers = widthOf(rows.map(r => r.checker));
  return rows.map(row => line(row, names, checkers)).join('\n');
}

export function line({ mutation, checker, outcome, seconds }: Row, names = 0, checkers = 0): string {
  const mark = outcome === 'caught' ? '✓' : '✗';
  return `${mark} ${mutation.padEnd(names)}  ${outcome.padEnd(9)} ${checker.padEnd(checkers)}  ${seconds.toFixed(1)} s`;
}

/** Mutations down, checkers across by number: `✓` caught, `·` missed, `!` fell over, blank: not asked; the numbers follow. */
export function matrix(rows: readonly Row[]): string {
  const checkers = [...new Set(rows.map(r => r.checker))];
  const mutations = [...new Set(rows.map(r => r.mutation))];
  const width = widthOf(mutations);
  const mark = { caught: '✓', missed: '·', 'fell over': '!' };
  const cell = (mutation: string, checker: string): string => {
    const row = rows.find(r => r.mutation === mutation && r.checker === checker);
    return (row ? mark[row.outcome] : ' ').padStart(3);
  };
  return [
    ' '.repeat(width) + checkers.map((_, i) => `${i + 1}`.padStart(3)).join(''),
    ...mutations.map(m => m.padEnd(width) + checkers.map(c => cell(m, c)).join('')),
    ...checkers.map((checker, i) => `${i + 1} ${checker}`),
  ].join('\n');
}

/** The faults themselves, for people who read the table. */
export const legend = (): string => MUTATIONS.map(m => `${m.name}: ${m.fault} (${m.file})`).join('\n');
