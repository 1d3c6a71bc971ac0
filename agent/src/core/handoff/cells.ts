/**
 * What a cell of a handoff table can be. Specification: docs/design/handoff.md; its model: docs/design/model.
 * A state whose name starts with `w-` has asked the journal for a record and waits for its word: a failed write is not
 * "not written", so the machine stays there and asks again until a record is synced and read back.
 */

/** `ignore`: late or meaningless here. `answer`: late message of the peer: tell it where we stand, change nothing. */
export type Cell<S extends string, E extends string> = { to: S; do: E[] } | 'ignore' | 'answer';

export type Table<S extends string, V extends string, E extends string> = Record<S, Record<V, Cell<S, E>>>;

export type Stepped<S extends string, E extends string> = { state: S; effects: E[]; answer: boolean };

/** One event: new state and effects. Pure; the whole of the machine is in the table. */
export function step<S extends string, V extends string, E extends string>(
  table: Table<S, V, E>,
  state: S,
  event: V,
): Stepped<S, E> {
  const cell = table[state][event];
  if (cell === 'ignore') return { state, effects: [], answer: false };
  if (cell === 'answer') return { state, effects: [], answer: true };
  return { state: cell.to, effects: [...cell.do], answer: false };
}
