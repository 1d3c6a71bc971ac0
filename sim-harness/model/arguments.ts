/** The arguments of `npm run model`, checked before anything is made. Pure. */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';
import { ENGINES, type EngineName } from './engines.ts';
import { PLANTS, type Plant } from './plants.ts';
import type { Limits } from './spin.ts';

export const USAGE = `usage: npm run model [-- OPTIONS]

Every reachable state of the handoff tables in a world of faults (docs/design/model/README.md).

  --engine NAME    only this one of: ${ENGINES.join(', ')}
  --quick          small searches, under a minute in all (what CI runs)
  --plants         plants each known fault into the tables; every one must be found
  --plant NAME     only this one, with the steps that lead to it
  --print NAME     the Promela of that engine, instead of a search
  --memory MB      bound of one search (default 3000, quick 1000)
  --seconds S      bound of one search (default 1200, quick 120)
  --json           one object a line
exit codes: 0 everything holds (with --plants: all were found), 1 it does not, 2 bad arguments, 3 not all states were seen
`;

export type Command =
  | { do: 'help' }
  | { do: 'print'; engine: EngineName }
  | { do: 'search'; engines: EngineName[]; quick: boolean; limits: Limits; json: boolean }
  | { do: 'plants'; plants: Plant[]; limits: Limits; json: boolean };

const bad = (what: string, where: string): ShoalError =>
  new ShoalError('SHOAL_MODEL_ARGS', what, where, 'See `npm run model -- --help`');

function engineOf(name: string, option: string): EngineName {
  const engine = ENGINES.find(e => e === name);
  if (!engine) throw bad(`there is no engine ${name}: one of ${ENGINES.join(', ')}`, option);
  return engine;
}

function positive(text: string | undefined, option: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw bad(`${text} is no whole number from 1 to 999999`, option);
  return Number(text);
}

/** Throws SHOAL_MODEL_ARGS, or what `parseArgs` throws. */
export function parseCommand(args: string[]): Command {
  const flag = { type: 'boolean' } as const;
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      engine: text,
      quick: flag,
      plants: flag,
      plant: text,
      print: text,
      memory: text,
      seconds: text,
      json: flag,
      help: flag,
    },
  });
  if (values.help) return { do: 'help' };
  const chosen = ['quick', 'plants', 'plant', 'print'].filter(o => Object.hasOwn(values, o));
  if (chosen.length > 1) throw bad(`--${chosen.join(' and --')} cannot go together`, `--${chosen[1]}`);
  if (values.print !== undefined) return { do: 'print', engine: engineOf(values.print, '--print') };
  const small = chosen.length > 0;
  const limits = {
    memoryMb: positive(values.memory, '--memory', small ? 1000 : 3000),
    seconds: positive(values.seconds, '--seconds', small ? 120 : 1200),
  };
  const json = values.json ?? false;
  if (values.plants || values.plant !== undefined) {
    if (values.engine !== undefined) throw bad('faults are planted into the page server engine', '--engine');
    const plants = PLANTS.filter(p => values.plant === undefined || p.name === values.plant);
    if (plants.length === 0)
      throw bad(`there is no plant ${values.plant}: one of ${PLANTS.map(p => p.name).join(', ')}`, '--plant');
    return { do: 'plants', plants, limits, json };
  }
  const engines = values.engine === undefined ? ENGINES : [engineOf(values.engine, '--engine')];
  return { do: 'search', engines, quick: values.quick ?? false, limits, json };
}
