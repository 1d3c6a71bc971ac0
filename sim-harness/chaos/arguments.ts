/** The arguments of `npm run chaos`, checked before anything is made. Pure. */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';

export const USAGE = `usage: npm run chaos -- [--handoffs 1000] [--seed N] [--driver micro|qemu] [--nodes 4] [--vms N]
                       [--seconds N] [--name NAME] [--json]

Moves VMs between real agents while agents, page servers and VMMs are killed and stopped, links cut, journals and memory
filled; checkers that believe no agent judge it. The same seed deals the same moves and faults.
  --handoffs N   so many are begun (default 1000; qemu: 50)
  --seconds N    nothing new is begun after so long (default 2400)
  --json         the report on standard output; progress is on standard error
exit codes: 0 no violation, 1 a violation or a failure, 2 bad arguments, or it shows nothing: the time was over first, or the harness failed
`;

export type ChaosOptions = {
  handoffs: number;
  seed: number;
  driver: 'micro' | 'qemu';
  nodes: number;
  vms: number;
  seconds: number;
  name: string;
  json: boolean;
};

/** Throws SHOAL_CHAOS_ARGS, or what `parseArgs` throws; `help` when that is asked for. `freshSeed`: used without --seed. */
export function parseChaos(args: string[], freshSeed: number): ChaosOptions | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    args,
    options: {
      handoffs: text,
      seed: text,
      driver: text,
      nodes: text,
      vms: text,
      seconds: text,
      name: text,
      json: flag,
      help: flag,
    },
  });
  if (values.help) return 'help';
  const { driver = 'micro' } = values;
  if (driver !== 'micro' && driver !== 'qemu')
    throw bad(`there is no ${driver}`, '--driver', 'Say micro or qemu');
  const micro = driver === 'micro';
  return {
    driver,
    handoffs: whole('--handoffs', values.handoffs ?? (micro ? '1000' : '50'), 1, 1_000_000),
    seed: whole('--seed', values.seed ?? String(freshSeed), 0, 2 ** 32 - 1),
    nodes: whole('--nodes', values.nodes ?? '4', 4, 16),
    vms: whole('--vms', values.vms ?? (micro ? '8' : '4'), 2, 32),
    seconds: whole('--seconds', values.seconds ?? '2400', 1, 86_400),
    name: values.name ?? 'chaos',
    json: values.json ?? false,
  };
}

/** The command that repeats a run. Pure. */
export const commandOf = (o: ChaosOptions): string =>
  `npm run chaos -- --handoffs ${o.handoffs} --seed ${o.seed} --driver ${o.driver} --nodes ${o.nodes} --vms ${o.vms}`;

const bad = (what: string, where: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_CHAOS_ARGS', what, where, todo);

function whole(option: string, value: string, least: number, most: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw bad(`${value} is no whole number from ${least} to ${most}`, option, 'Mend it');
}
