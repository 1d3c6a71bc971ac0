/** The arguments of `npm run lab`, checked before anything is made. Pure. */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';
import type { LabOptions } from './config.ts';

export const USAGE = `usage: npm run lab -- COMMAND [--name NAME]

  up [--nodes 3] [--vms 0] [--memory MIB] [--driver qemu|micro] [--net netns|loopback] [--link 1gbit|none]
     [--cores own|quota|none] [--engine postcopy|warm|precopy|qemu-postcopy] [--mode auto|advise|observe]
                      brings up real agents and leaves them running; VMs of 256 MiB are dealt out to the nodes in turn
  status [--json]     nodes and VMs as each agent sees them
  cut NODE NODE       nothing passes between the two any more
  heal NODE NODE      it does again
  kill NODE           SIGKILL for its agent; its VMs go on
  start NODE          starts its agent again
  down                removes everything, also after a crash

--cores own: each node on a core of its own (default while there are enough); quota: one core's time each.
exit codes: 0 done, 1 failed, 2 bad arguments
`;

type Link<V> = { verb: V; name: string; a: string; b: string };
type OfNode<V> = { verb: V; name: string; node: string };

export type Command =
  | { verb: 'help' }
  | { verb: 'up'; options: LabOptions & { name: string }; vms: number; memoryMib: number }
  | { verb: 'status'; name: string; json: boolean }
  | Link<'cut'>
  | Link<'heal'>
  | OfNode<'kill'>
  | OfNode<'start'>
  | { verb: 'down'; name: string };

const NODES_OF: Record<string, number> = { up: 0, status: 0, cut: 2, heal: 2, kill: 1, start: 1, down: 0 };
/** Options that only one command takes. */
const ONLY: Record<string, string> = { json: 'status', name: '' };

const bad = (what: string, where: string, todo = 'See lab -- --help'): ShoalError =>
  new ShoalError('SHOAL_LAB_ARGS', what, where, todo);

/** `cores`: of this machine. Throws SHOAL_LAB_ARGS, or what `parseArgs` throws. */
export function parseCommand(args: string[], cores: number): Command {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      nodes: { type: 'string' },
      vms: { type: 'string' },
      memory: { type: 'string' },
      driver: { type: 'string' },
      net: { type: 'string' },
      link: { type: 'string' },
      cores: { type: 'string' },
      engine: { type: 'string' },
      mode: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const [verb = '', ...nodes] = positionals;
  if (values.help) return { verb: 'help' };
  const wanted = NODES_OF[verb];
  if (wanted === undefined)
    throw bad(verb ? `there is no command ${verb}` : 'which command?', Object.keys(NODES_OF).join(', '));
  if (nodes.length !== wanted)
    throw bad(`${verb} takes ${wanted} names of nodes, not ${nodes.length}`, nodes.join(' '));
  for (const option of Object.keys(values)) {
    const only = ONLY[option] ?? 'up';
    if (only !== '' && only !== verb) throw bad(`${verb} takes no --${option}`, `only ${only} does`);
  }
  const { name = 'lab' } = values;
  const [a = '', b = ''] = nodes;
  if (verb === 'cut' || verb === 'heal') {
    if (a === b) throw bad('a link has two ends', `${a} ${b}`);
    return { verb, name, a, b };
  }
  if (verb === 'kill' || verb === 'start') return { verb, name, node: a };
  if (verb === 'down') return { verb, name };
  if (verb === 'status') return { verb, name, json: values.json ?? false };

  const count = whole('--nodes', values.nodes ?? '3', 1, 64);
  return {
    verb: 'up',
    vms: whole('--vms', values.vms ?? '0', 0, 256),
    memoryMib: whole('--memory', values.memory ?? '256', 16, 65_536),
    options: {
      name,
      nodes: count,
      driver: choice('--driver', values.driver ?? 'qemu', ['qemu', 'micro']),
      net: choice('--net', values.net ?? 'netns', ['netns', 'loopback']),
      link: values.link ?? (values.net === 'loopback' ? 'none' : '1gbit'),
      cores: choice('--cores', values.cores ?? (count <= cores ? 'own' : 'quota'), ['own', 'quota', 'none']),
      engine: choice('--engine', values.engine ?? 'postcopy', [
        'postcopy',
        'warm',
        'precopy',
        'qemu-postcopy',
      ]),
      mode: choice('--mode', values.mode ?? 'auto', ['auto', 'advise', 'observe']),
    },
  };
}

function whole(option: string, value: string, least: number, most: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw bad(`${value} is no whole number from ${least} to ${most}`, option, 'Mend it');
}

function choice<T extends string>(option: string, value: string, all: readonly T[]): T {
  const found = all.find(one => one === value);
  if (found) return found;
  throw bad(`there is no ${value}`, option, `Say ${all.join(' or ')}`);
}
