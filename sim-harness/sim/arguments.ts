/** What `npm run sim` is asked for. */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';

export const USAGE = `usage: npm run sim -- --seeds N [--from M] [--nodes 5] [--json]   runs N seeds with faults; fails when a rule of handoff.md breaks
       npm run sim -- --seed N [--nodes 5] [--calm|--plain]  one run with its whole log
       npm run sim -- --nights N [--from M]                  N seeds of nodes that sleep and are woken (docs/decisions/0026)
       npm run sim -- --plants | --plant NAME                faults planted on purpose: each must be found
       npm run sim -- --scenario NAME | --scenarios [--update]
`;

export type Command =
  | { verb: 'seeds'; count: number; from: number; nodes: number; json: boolean }
  | { verb: 'seed'; seed: number; nodes: number; calm: boolean; plain: boolean; planted: string | undefined }
  | { verb: 'nights'; count: number; from: number }
  | { verb: 'plants'; name: string | undefined; json: boolean }
  | { verb: 'scenarios'; name: string | undefined; update: boolean }
  | { verb: 'help' };

/** Throws a ShoalError SHOAL_SIM_ARGS, or Node's ERR_PARSE_ARGS. */
export function parseCommand(args: string[]): Command {
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      nights: { type: 'string' },
      nodes: { type: 'string', default: '5' },
      calm: { type: 'boolean', default: false },
      plain: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      plants: { type: 'boolean', default: false },
      plant: { type: 'string' },
      scenario: { type: 'string' },
      scenarios: { type: 'boolean', default: false },
      update: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { json, calm, plain, plant, update } = values;
  const nodes = whole('nodes', values.nodes, 2, 9);
  if (values.seed !== undefined)
    return { verb: 'seed', seed: whole('seed', values.seed, 0, 2 ** 31), nodes, calm, plain, planted: plant };
  if (values.seeds !== undefined) {
    const count = whole('seeds', values.seeds, 1, 10_000_000);
    return { verb: 'seeds', count, from: whole('from', values.from, 0, 2 ** 31), nodes, json };
  }
  if (values.nights !== undefined)
    return {
      verb: 'nights',
      count: whole('nights', values.nights, 1, 1_000_000),
      from: whole('from', values.from, 0, 2 ** 31),
    };
  if (values.plants || plant !== undefined) return { verb: 'plants', name: plant, json };
  if (values.scenarios || values.scenario !== undefined)
    return { verb: 'scenarios', name: values.scenario, update };
  return { verb: 'help' };
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ShoalError('SHOAL_SIM_ARGS', `--${name} is not a number from ${min} to ${max}`, text, '');
}
