/** Aligned columns: as wide as their widest cell, two blanks apart, numbers to the right. */
import { stripVTControlCharacters } from 'node:util';
import type { Style } from './style.ts';

export type Column<T> = { title: string; right?: boolean; cell: (row: T) => string };

const GAP = '  ';
const width = (text: string): number => [...stripVTControlCharacters(text)].length;

/** Lines without a newline at the end. Columns that are empty in every row are left out; no rows give no lines. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], style: Style): string[] {
  const filled = columns
    .map(column => ({ ...column, cells: rows.map(column.cell) }))
    .filter(column => column.cells.some(cell => cell !== ''));
  if (filled.length === 0) return [];
  const widths = filled.map(({ title, cells }) => Math.max(width(title), ...cells.map(width)));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => {
        const pad = ' '.repeat(widths[i]! - width(cell));
        return filled[i]!.right ? pad + cell : cell + pad;
      })
      .join(GAP)
      .trimEnd();
  const head = style.dim(line(filled.map(column => column.title)));
  return [head, ...rows.map((_, i) => line(filled.map(column => column.cells[i]!)))];
}
