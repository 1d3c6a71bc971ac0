/** The model of one engine: its tables, printed, in the world that all engines share. */
import { sourceMachine, targetMachine } from '@shoal/agent/core/handoff/machines';
import type { Engine } from '@shoal/protocol';
import { type Machines, type Printed, printTables } from './print.ts';
import { dealt, type Mix } from './searches.ts';

/** The compiler holds this list to the protocol's: every engine is searched. `warm` has the columns of `postcopy`. */
const WORLDS: Record<Exclude<Engine, 'warm'>, string[]> = {
  postcopy: [],
  precopy: ['STREAM_IS_ALL'],
  'qemu-postcopy': ['QEMU_POSTCOPY'],
};
export type EngineName = keyof typeof WORLDS;
export const ENGINES = Object.keys(WORLDS) as EngineName[];

export type Model = {
  engine: EngineName;
  machines: Machines;
  /** Faults of the world itself (`#ifdef PLANT_…`). */
  defines: string[];
  /** Changes of what is printed: what states say in answer is no table's cell. */
  printed(tables: Printed): Printed;
};

export const modelOf = (engine: EngineName): Model => ({
  engine,
  machines: { source: sourceMachine(engine), target: targetMachine(engine) },
  defines: [],
  printed: tables => tables,
});

/** Promela text, and what spin must be told to define. */
export function textOf(
  model: Model,
  mixes: readonly Mix[],
  world: string,
): { text: string; defines: string[] } {
  const { names, cells } = model.printed(printTables(model.machines));
  const text = `#define MIXES ${dealt(mixes)}\n${names}\n${world.replace('/* @tables */', () => cells)}`;
  return { text, defines: [...WORLDS[model.engine], ...model.defines].map(name => `-D${name}=1`) };
}
