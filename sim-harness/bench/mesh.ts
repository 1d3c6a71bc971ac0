/**
 * `npm run bench -- mesh`: what the mesh costs an agent, and how fast it is. Options: bench-table.ts.
 * Real agents on this machine, a report a second each, no VMs. All of an agent is measured, not its mesh alone.
 * Other work on the machine disturbs latencies and the start most; `othersCores` says how much of it there was.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { clock } from '@shoal/agent/edge/clock';
import { ShoalError } from '@shoal/agent/errors';
import { NODE_ENV, NODE_FLAGS } from '../lab/node.ts';
import { type Agent, assertRunning, kill, prepareAgents, startAgent } from './mesh-agents.ts';
import { cpuMs, deliveries, machineBusyMs, percentile, rssMb, sentBytes, viewOf } from './mesh-measure.ts';
import { number } from './options.ts';
import { parse } from './usage.ts';

/** Start-up work (compilers, first views) is over by then; it would count as running cost. */
const SETTLE_MS = 10_000;
/** Above any start of 16 agents on two cores seen so far (9 s). */
const CONVERGE_LIMIT_MS = 90_000;
const DEATH_LIMIT_MS = 30_000;
const POLL_MS = 200;
/** Traces are written once a second. */
const TRACE_FLUSH_MS = 2_000;

export type MeshResult = {
  nodes: number;
  rssMbP50: number;
  /** Of one core. */
  cpuShareP50: number;
  bytesPerSecondP50: number;
  latencyMsP50: number;
  latencyMsP99: number;
  /** Share of (report, reader) pairs that arrived. */
  delivered: number;
  /** From the last agent's start until every agent shows all as awake. */
  convergeStartMs: number;
  /** From SIGKILL of one agent until all others show it as stale. */
  noticeDeathMs: number;
  /** Cores that everything else on the machine used in the window, this bench included. */
  othersCores: number;
};

export async function run(args: string[]): Promise<number> {
  const values = parse('mesh', args);
  const sizes = values.nodes.split(',').map(size => number('--nodes', size, 200, 2));
  const seconds = number('--seconds', values.seconds, 200, 5);
  const results: MeshResult[] = [];
  for (const nodes of sizes) {
    process.stderr.write(`mesh: ${nodes} agents …\n`);
    results.push(await measureSize(nodes, seconds));
    if (!values.json) process.stdout.write(`${textOf(results.at(-1)!)}\n`);
  }
  const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? '', node: process.version };
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ machine, nodeFlags: NODE_FLAGS, env: NODE_ENV, results }, null, 2)}\n`,
    );
  return 0;
}

async function measureSize(nodes: number, seconds: number): Promise<MeshResult> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-mesh-'));
  let agents: Agent[] = [];
  try {
    agents = await prepareAgents(directory, nodes);
    for (const agent of agents) startAgent(agent);
    const convergeStartMs = await waitForViews(agents, agents, 'awake', CONVERGE_LIMIT_MS);
    await sleep(SETTLE_MS);
    const steady = await measureSteady(agents, seconds);
    const [victim, ...others] = agents as [Agent, ...Agent[]];
    await kill(victim);
    const noticeDeathMs = await waitForViews(others, [victim], 'stale', DEATH_LIMIT_MS);
    return { nodes, ...steady, convergeStartMs, noticeDeathMs };
  } finally {
    await Promise.all(agents.map(agent => kill(agent)));
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureSteady(agents: Agent[], seconds: number) {
  const snapshot = async () => {
    const bytes = await Promise.all(agents.map(sentBytes));
    const cpu = agents.map(agent => cpuMs(agent.process!.pid!));
    return { atMs: clock.nowMs(), busyMs: machineBusyMs(), cpu, bytes };
  };
  const before = await snapshot();
  await sleep(seconds * 1_000);
  const after = await snapshot();
  assertRunning(agents);
  const spanMs = after.atMs - before.atMs;
  const usedMs = after.cpu.map((value, i) => value - before.cpu[i]!);
  await sleep(TRACE_FLUSH_MS);
  const { latenciesMs, expected } = deliveries(agents, before.atMs, after.atMs);
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  return {
    rssMbP50: round(
      percentile(
        agents.map(agent => rssMb(agent.process!.pid!)),
        0.5,
      ),
      1,
    ),
    cpuShareP50: round(percentile(usedMs, 0.5) / spanMs, 4),
    bytesPerSecondP50: Math.round(
      percentile(
        after.bytes.map((value, i) => ((value - before.bytes[i]!) / spanMs) * 1_000),
        0.5,
      ),
    ),
    latencyMsP50: round(percentile(latenciesMs, 0.5), 1),
    latencyMsP99: round(percentile(latenciesMs, 0.99), 1),
    delivered: round(latenciesMs.length / expected, 4),
    othersCores: round((after.busyMs - before.busyMs - sum(usedMs)) / spanMs, 2),
  };
}

/** Milliseconds until each of `viewers` shows each of `shown` in `state`; rejects after `limitMs`. */
async function waitForViews(
  viewers: Agent[],
  shown: Agent[],
  state: string,
  limitMs: number,
): Promise<number> {
  const startMs = clock.nowMs();
  let waiting = viewers;
  for (;;) {
    const views = await Promise.all(waiting.map(viewOf));
    waiting = waiting.filter((_, i) => !shown.every(({ id }) => views[i]?.get(id) === state));
    const spentMs = clock.nowMs() - startMs;
    if (waiting.length === 0) return Math.round(spentMs);
    assertRunning(viewers);
    if (spentMs > limitMs) {
      const what = `${waiting.length} of ${viewers.length} agents do not show all as ${state}`;
      throw new ShoalError(
        'SHOAL_BENCH_MESH',
        `after ${limitMs} ms ${what}`,
        waiting[0]!.http,
        'Free the machine',
      );
    }
    await sleep(POLL_MS);
  }
}

function textOf(result: MeshResult): string {
  return Object.entries(result)
    .map(([key, value]) => `${key} ${value}`)
    .join('  ');
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
