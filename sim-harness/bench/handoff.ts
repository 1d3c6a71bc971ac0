/**
 * `npm run bench -- handoff [--engines postcopy,warm,precopy,qemu-postcopy] [--order hot,windows,sequential] [--compression auto,off,on] [--memory 1024] [--filled 700] [--text] [--link 1gbit] [--load 50] [--touch 0] [--hot 0] [--neighbour] [--runs 3] [--json]`
 * One VM goes to and fro between two nodes of a core each, the engines in turns, under a steady load of its own; with
 * `--neighbour` beside a guest that wants all of the source's core. Each turn is a pair of any two engines; with `--order`
 * ours takes part once per order of pages, with `--compression` once per way to pack them. The guest's memory is filled with
 * noise, which does not pack; with `--text` with words that come again, which packs to about a half.
 * The guest reads pages of all its memory at random, the worst there is for post-copy, or of the first `--hot` MiB; `--touch`: so many
 * a second are written anew.
 * Discarded, by a rule fixed here: a run in which others used more than 15 % of the cores.
 */
import { parseArgs } from 'node:util';
import type { Compression, PageOrder } from '@shoal/agent';
import { ShoalError } from '@shoal/agent/errors';
import type { Engine } from '@shoal/protocol';
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { rawTcp } from './link-figures.ts';
import { type Arm, NEIGHBOUR_TICK_MS, oneMove, type Run, TICK_MS } from './one-move.ts';
import { number } from './options.ts';
import { armsOf, type Ratio, ratios } from './pairs.ts';
import { bounds, median } from './statistics.ts';

const STRANGERS_MAX_SHARE = 0.15;
const TRIES_PER_RUN = 3;
const NEIGHBOUR_MIB = 128;
const RAW_SECONDS = 3;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      engines: { type: 'string', default: 'postcopy,precopy' },
      order: { type: 'string', default: '' },
      compression: { type: 'string', default: '' },
      text: { type: 'boolean', default: false },
      memory: { type: 'string', default: '1024' },
      filled: { type: 'string', default: '700' },
      link: { type: 'string', default: '1gbit' },
      load: { type: 'string', default: '50' },
      touch: { type: 'string', default: '0' },
      hot: { type: 'string', default: '0' },
      neighbour: { type: 'boolean', default: false },
      runs: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const listed = (option: string) => option.split(',').filter(Boolean);
  const arms = armsOf(values.engines.split(',').map(engine), [
    ...listed(values.order).map(pageOrder),
    ...listed(values.compression).map(value => `compression-${compression(value)}` as const),
  ]);
  const [memory, filled, load, runs, touch, hot] = [
    number('--memory', values.memory, 65_536),
    number('--filled', values.filled, 65_536),
    number('--load', values.load, 100),
    number('--runs', values.runs, 1000),
    number('--touch', values.touch, 1_000_000, 0),
    number('--hot', values.hot, 65_536, 0),
  ];
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const lab = await bringUp(
    {
      name: 'bench',
      nodes: 2,
      driver: 'qemu',
      net: 'netns',
      link: values.link,
      cores: 'own',
      mode: 'observe',
    },
    say,
  );
  try {
    const rawTcpMbit = lab.shaped ? await rawTcp(lab, RAW_SECONDS) : -1;
    say(`link ${values.link}: raw TCP ${rawTcpMbit} Mbit/s`);
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}${values.text ? ' text' : ''}`, 120_000);
    await guest.command(`touch ${touch} ${hot > 0 ? hot : 'all'}`);
    await guest.command(`load ${load}`);
    await guest.command(`ticks ${TICK_MS}`);
    const neighbours = values.neighbour ? await bringNeighbours(lab) : [];
    const turns: Partial<Record<Arm, Run>>[] = [];
    let discarded = 0;
    for (let turn = 0; turn < runs; turn++) {
      const kepts: Partial<Record<Arm, Run>> = {};
      turns.push(kepts);
      for (const which of arms) {
        let kept: Run | undefined;
        for (let tries = 0; tries < TRIES_PER_RUN && !kept; tries++) {
          const { result, strangersShare } = await oneMove(lab, guest, which, neighbours);
          const line = `${which} ${turn + 1}: switch ${result.switchMs} ms, blackout ${result.blackoutMs} ms, transfer ${result.transferMs} ms, ${(result.wireBytes / 1e6).toFixed(1)} MB, ${result.cpuS} s of CPU, gap ${result.guestGapMs} ms, work lost ${result.guestWorkLost} s, others ${Math.round(strangersShare * 100)} %`;
          if (strangersShare > STRANGERS_MAX_SHARE) {
            discarded += 1;
            say(`${line}: discarded`);
          } else {
            kept = result;
            say(line);
          }
        }
        if (kept) kepts[which] = kept;
      }
    }
    const results = arms.map(which =>
      summary(
        which,
        turns.flatMap(t => t[which] ?? []),
      ),
    );
    const report = {
      machine: machineFacts(),
      link: { rate: values.link, rawTcpMbit },
      vm: {
        memoryMib: memory,
        filledMib: filled,
        text: values.text,
        loadPercent: load,
        touchPagesPerS: touch,
        hotMib: hot,
        neighbour: values.neighbour,
      },
      discarded,
      results,
      pairs: turns,
      ratios: ratios(turns, arms),
    };
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : text(report));
    return results.every(r => r.runs === runs) ? 0 : 2;
  } finally {
    await lab.down();
  }
}

/** Medians; bad pages are counted over all runs. */
function summary(which: Arm, runs: Run[]) {
  const keys = Object.keys(runs[0] ?? {}) as (keyof Run)[];
  const of = (key: keyof Run) => runs.map(r => r[key]);
  const medians = Object.fromEntries(keys.map(key => [key, median(of(key))])) as Run;
  const spread = Object.fromEntries(keys.map(key => [key, bounds(of(key))]));
  return {
    engine: which,
    runs: runs.length,
    ...medians,
    badPages: of('badPages').reduce((a, b) => a + b, 0),
    spread,
  };
}

function text({ results, ratios }: { results: object[]; ratios: readonly Ratio[] }): string {
  const lines = results.map(r =>
    Object.entries(r)
      .filter(([key]) => key !== 'spread')
      .map(([key, value]) => `${key} ${value}`)
      .join('  '),
  );
  const shown = ratios.map(
    ({ of, against, figure, pairs, median, low, high }) =>
      `${of} / ${against}  ${figure} ${median} (95 %: ${low} to ${high}; ${pairs} pairs)`,
  );
  return `${[...lines, ...shown].join('\n')}\n`;
}

/** One on each node, which never leaves it. */
async function bringNeighbours(lab: Lab): Promise<GuestPort[]> {
  const guests: GuestPort[] = [];
  for (const { name } of lab.nodes) {
    const vm = `neighbour-${name}`;
    await lab.runVm(name, { name: vm, memoryMib: NEIGHBOUR_MIB, migration: 'never' });
    const guest = await lab.guest(vm);
    await guest.command(`ticks ${NEIGHBOUR_TICK_MS}`);
    guests.push(guest);
  }
  return guests;
}

function engine(value: string): Engine {
  if (value === 'postcopy' || value === 'warm' || value === 'precopy' || value === 'qemu-postcopy')
    return value;
  throw new ShoalError(
    'SHOAL_BENCH_ARGS',
    `there is no engine ${value}`,
    '--engines',
    'Say postcopy, warm, precopy or qemu-postcopy',
  );
}

function pageOrder(value: string): PageOrder {
  if (value === 'sequential' || value === 'windows' || value === 'hot') return value;
  throw new ShoalError(
    'SHOAL_BENCH_ARGS',
    `there is no order ${value}`,
    '--order',
    'Say sequential, windows or hot',
  );
}

function compression(value: string): Compression {
  if (value === 'auto' || value === 'off' || value === 'on') return value;
  throw new ShoalError(
    'SHOAL_BENCH_ARGS',
    `there is no compression ${value}`,
    '--compression',
    'Say auto, off or on',
  );
}
