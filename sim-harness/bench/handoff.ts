/**
 * `npm run bench -- handoff [--engines postcopy,precopy,qemu-postcopy] [--memory 1024] [--filled 700] [--link 1gbit] [--runs 3] [--json]`
 * One VM goes to and fro between two nodes of a core each, the engines in turns, under a steady load of its own.
 * Discarded, by a rule fixed here: a run in which others used more than 15 % of the cores.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { clock } from '@shoal/agent/edge/clock';
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { ShoalError } from '@shoal/agent/errors';
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { watchStrangers } from '../lab/strangers.ts';
import { bounds, median } from './statistics.ts';
import { collect, longestGapMs, type Tick, workLostS, workRate } from './ticks.ts';

const STRANGERS_MAX_SHARE = 0.15;
const LOAD_PERCENT = 50;
const TICK_MS = 5;
const STEADY_MS = 3000;
/** After the last page: the guest's caches and the emulator's code are warm again. */
const AFTER_MS = 500;
const MOVE_MAX_MS = 300_000;
const TRIES_PER_RUN = 3;

type Engine = 'postcopy' | 'precopy' | 'qemu-postcopy';
type Run = {
  switchMs: number;
  blackoutMs: number;
  transferMs: number;
  wireBytes: number;
  dataBytes: number;
  faults: number;
  faultP50Us: number;
  faultP99Us: number;
  faultMaxUs: number;
  guestGapMs: number;
  guestWorkLost: number;
  cpuS: number;
  badPages: number;
};

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      engines: { type: 'string', default: 'postcopy,precopy' },
      memory: { type: 'string', default: '1024' },
      filled: { type: 'string', default: '700' },
      link: { type: 'string', default: '1gbit' },
      runs: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const engines = values.engines.split(',').map(engine);
  const [memory, filled, runs] = [
    number('--memory', values.memory, 65_536),
    number('--filled', values.filled, 65_536),
    number('--runs', values.runs, 1000),
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
    const rawTcpMbit = await rawTcp(lab);
    say(`link ${values.link}: raw TCP ${rawTcpMbit} Mbit/s`);
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}`, 120_000);
    await guest.command(`load ${LOAD_PERCENT}`);
    await guest.command(`ticks ${TICK_MS}`);
    const found = new Map<Engine, Run[]>(engines.map(e => [e, []]));
    let discarded = 0;
    for (let turn = 0; turn < runs; turn++) {
      for (const which of engines) {
        let kept: Run | undefined;
        for (let tries = 0; tries < TRIES_PER_RUN && !kept; tries++) {
          const { result, strangersShare } = await oneMove(lab, guest, which);
          const line = `${which} ${turn + 1}: switch ${result.switchMs} ms, blackout ${result.blackoutMs} ms, transfer ${result.transferMs} ms, gap ${result.guestGapMs} ms, work lost ${result.guestWorkLost} s, others ${Math.round(strangersShare * 100)} %`;
          if (strangersShare > STRANGERS_MAX_SHARE) {
            discarded += 1;
            say(`${line}: discarded`);
          } else {
            kept = result;
            say(line);
          }
        }
        if (kept) found.get(which)?.push(kept);
      }
    }
    const results = [...found].map(([which, list]) => summary(which, list));
    const report = {
      machine: machineFacts(),
      link: { rate: values.link, rawTcpMbit },
      vm: { memoryMib: memory, filledMib: filled, loadPercent: LOAD_PERCENT },
      discarded,
      results,
    };
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : text(report.results));
    return results.every(r => r.runs === runs) ? 0 : 2;
  } finally {
    await lab.down();
  }
}

async function oneMove(
  lab: Lab,
  guest: GuestPort,
  which: Engine,
): Promise<{ result: Run; strangersShare: number }> {
  const lists = await Promise.all(
    lab.nodes.map(n => n.get<{ vms: { name: string; node: string }[] }>('/v1/status')),
  );
  const here = lists[0]?.vms.find(v => v.name === 'bench')?.node ?? 'node0';
  const there = here === 'node0' ? 'node1' : 'node0';
  const { ticks, stop } = collect(guest, () => clock.nowMs());
  await sleep(STEADY_MS);
  const strangers = watchStrangers(
    [0, 1],
    lab.nodes.map(n => n.usage),
  );
  const cpu = process.cpuUsage();
  const begunMs = clock.nowMs();
  const { handoff } = await lab
    .node(here)
    .post<{ handoff: string }>('/v1/vms/bench/actions/migrate', { node: there, engine: which });
  const [source, target] = await ended(lab, here, there, handoff);
  await sleep(AFTER_MS);
  stop();
  const used = process.cpuUsage(cpu);
  const own = (used.user + used.system) / 1000 / (clock.nowMs() - begunMs) / 2;
  const strangersShare = Math.max(0, strangers.stop() - own);
  const badPages = await guest.verify(100);
  return { result: figures(source, target, ticks, badPages), strangersShare };
}

async function ended(
  lab: Lab,
  here: string,
  there: string,
  id: string,
): Promise<[HandoffStatus, HandoffStatus]> {
  const untilMs = Date.now() + MOVE_MAX_MS;
  while (Date.now() < untilMs) {
    const [source, target] = await Promise.all(
      [here, there].map(name =>
        lab
          .node(name)
          .get<HandoffStatus>(`/v1/handoffs/${id}`)
          .catch(() => undefined),
      ),
    );
    if (source && source.outcome !== '' && source.outcome !== 'done')
      throw new ShoalError(
        'SHOAL_BENCH_MOVE',
        `the move ended as ${source.outcome}: ${source.detail}`,
        id,
        '',
      );
    if (source?.outcome === 'done' && target?.outcome === 'done') return [source, target];
    await sleep(200); // seldom: asking costs the node that is measured
  }
  throw new ShoalError('SHOAL_BENCH_MOVE', `the move did not end in ${MOVE_MAX_MS} ms`, id, '');
}

function figures(source: HandoffStatus, target: HandoffStatus, ticks: Tick[], badPages: number): Run {
  const round = (value: number, digits = 1) => Number(value.toFixed(digits));
  const from = source.at.migrate;
  const to = target.at.transferred + AFTER_MS;
  const steady = ticks.filter(t => t.atMs < from);
  const during = ticks.filter(t => t.atMs >= from - 2 * TICK_MS && t.atMs <= to);
  return {
    switchMs: round(target.at.resumed - from),
    blackoutMs: round(target.at.resumed - source.at.stopped),
    transferMs: round(target.at.transferred - target.at.resumed),
    wireBytes: target.wireBytes,
    dataBytes: Math.max(target.dataBytes, target.streamBytes),
    faults: target.faults.count,
    faultP50Us: target.faults.p50Us,
    faultP99Us: target.faults.p99Us,
    faultMaxUs: target.faults.maxUs,
    guestGapMs: round(longestGapMs(during)),
    guestWorkLost: round(workLostS(during, workRate(steady)), 3),
    cpuS: round((source.pagesCpuMs + target.pagesCpuMs) / 1000, 2),
    badPages,
  };
}

/** Medians; bad pages are counted over all runs. */
function summary(which: Engine, runs: Run[]) {
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

/** One TCP stream of iperf3 between the two nodes, idle link, Mbit/s of payload. */
async function rawTcp(lab: Lab): Promise<number> {
  const [a, b] = lab.nodes;
  if (!lab.shaped || !a || !b) return -1;
  const exec = promisify(execFile);
  const inside = (node: typeof a, ...args: string[]) => [
    '--net=/run/netns/'.concat(node.state.netns),
    'iperf3',
    ...args,
  ];
  const server = exec('nsenter', inside(b, '-s', '-1', '-B', b.state.address));
  server.catch(() => undefined);
  await sleep(300);
  const { stdout } = await exec('nsenter', inside(a, '-J', '-t', '3', '-c', b.state.address));
  const bits = (JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }).end;
  return Math.round(bits.sum_received.bits_per_second / 1e6);
}

function text(results: object[]): string {
  return `${results
    .map(r =>
      Object.entries(r)
        .filter(([key]) => key !== 'spread')
        .map(([key, value]) => `${key} ${value}`)
        .join('  '),
    )
    .join('\n')}\n`;
}

function engine(value: string): Engine {
  if (value === 'postcopy' || value === 'precopy' || value === 'qemu-postcopy') return value;
  throw new ShoalError(
    'SHOAL_BENCH_ARGS',
    `there is no engine ${value}`,
    '--engines',
    'Say postcopy or precopy',
  );
}

function number(option: string, value: string, most: number): number {
  const parsed = Number(value);
  if (Number.isInteger(parsed) && parsed >= 1 && parsed <= most) return parsed;
  throw new ShoalError(
    'SHOAL_BENCH_ARGS',
    `${value} is no number from 1 to ${most}`,
    option,
    'Mend the option',
  );
}
