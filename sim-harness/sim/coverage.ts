/** Which cells of the real handoff tables a run looked up: a cell that no seed ever reaches proves nothing. */
import { sourceMachine, targetMachine } from '@shoal/agent/core/handoff/machines';

const ENGINES = ['postcopy', 'precopy', 'qemu-postcopy'] as const;

type Rows = Record<string, Record<string, unknown>>;

/** Two of each engine: its columns. */
const TABLES: Record<string, Rows> = Object.fromEntries(
  ENGINES.flatMap(engine => [
    [`${engine}/source`, sourceMachine(engine).table as Rows],
    [`${engine}/target`, targetMachine(engine).table as Rows],
  ]),
);

/** Counts from now on, in this process, every cell that is looked up. */
export function countCells(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [table, rows] of Object.entries(TABLES))
    for (const [state, row] of Object.entries(rows)) {
      const counted = {};
      for (const [event, cell] of Object.entries(row)) {
        const key = `${table} ${state} ${event}`;
        Object.defineProperty(counted, event, {
          enumerable: true,
          get() {
            counts[key] = (counts[key] ?? 0) + 1;
            return cell;
          },
        });
      }
      rows[state] = counted;
    }
  return counts;
}

/** All cells, as `table state event`. */
export const allCells = (): string[] =>
  Object.entries(TABLES).flatMap(([table, rows]) =>
    Object.entries(rows).flatMap(([state, row]) =>
      Object.keys(row).map(event => `${table} ${state} ${event}`),
    ),
  );
