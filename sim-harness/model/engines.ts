/** The model of one engine: its tables, printed, in the world that all engines share. */
import { COLUMNS, type Columns } from '@shoal/agent/core/handoff/engines';
import { type Printed, printTables } from './print.ts';
import { dealt, type Mix } from './searches.ts';

export type EngineName = keyof typeof COLUMNS;
export const ENGINES = Object.keys(COLUMNS) as EngineName[];

export type Model = {
  engine: EngineName;
  columns: Columns;
  /** Faults of the world itself (`#ifdef PLANT_…`). */
  defines: string[];
  /** Changes of what is printed: what states say in answer is no table's cell. */
  printed(tables: Printed): Printed;
};

export const modelOf = (engine: EngineName): Model => ({
  engine,
  columns: COLUMNS[engine],
  defines: [],
  printed: tables => tables,
});

/** Promela text, and what spin must be told to define. */
export function textOf(
  model: Model,
  mixes: readonly Mix[],
  world: string,
): { text: string; defines: string[] } {
  const { names, cells } = model.printed(printTables(model.columns));
  const text = `#define MIXES ${dealt(mixes)}\n${names}\n${world.replace('/* @tables */', () => cells)}`;
  const all = model.engine === 'precopy' ? ['-DSTREAM_IS_ALL=1'] : [];
  return { text, defines: [...all, ...model.defines.map(name => `-D${name}`)] };
}
