/** What the nodes of a lab are and know, before and after an attack; what differs is a violation. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import type { Lab, LabNode } from '../lab/index.ts';

/** How much more of each an agent may have after an attack than before. Whoever is above it is looked at for a minute. */
export const GROWTH_MAX = {
  /**
   * Measured in three whole runs with 10,000 connections, the largest growth of any agent after any attack: 17, 8 and
   * 7 MiB; half as much more is for a machine whose collector comes late.
   */
  rssMib: 24,
  /** Dials between agents come and go. */
  fds: 24,
  /**
   * Measured over eighteen attacks: 22 KB where two agents are started again, 14 KB in two whole handoffs, else below 10 KB;
   * three times as much. A flood that had a line for each report was 645 KB.
   */
  logBytes: 65_536,
  /** Measured: 28 KB in two whole handoffs, else below 15 KB. LevelDB moves files about, so nine times as much. */
  dbBytes: 262_144,
  /** A member may write registers of its own, and no attack here does so; a forged one is not kept. */
  registers: 0,
  /** Only people make tokens. */
  tokens: 0,
  /** What an attack has the lab do itself, through the unix socket: 6 in the two handoffs of the meddler; twice as much. */
  audit: 12,
  /** Ended handoffs that the other side has not acknowledged; an honest one does so within a round trip. */
  unacknowledged: 0,
};
export type Measure = keyof typeof GROWTH_MAX;
/** As many rows as a node answers at once. */
const ROWS_MAX = 500;
const PAGE_BYTES = 4096;

export type Picture = {
  node: string;
  pid: number | undefined;
  /** `name node state epoch` of every VM of the lab's own nodes. */
  vms: string[];
  /** `name state incarnation` of every node of the lab. */
  nodes: string[];
  flags: string;
  handoffs: string[];
  /** VMMs and page servers on it, from the files that they leave. */
  processes: string[];
} & Record<Measure, number>;

export async function picture(lab: Lab, node: LabNode): Promise<Picture> {
  const seen = await node.get<ClusterStatus>('/v1/status');
  const own = new Set(lab.nodes.map(n => n.state.peerId));
  const pid = node.pid;
  const { vmms, pageServers } = lab.processes(node.name);
  const me = seen.nodes.find(n => n.id === node.state.peerId);
  const [metrics, registers, tokens, audit] = await Promise.all([
    text(`${node.http}/metrics`),
    node.get<unknown[]>('/v1/registers'),
    node.call<unknown[]>('GET', '/v1/tokens'),
    node.call<unknown[]>('GET', `/v1/audit?limit=${ROWS_MAX}`),
  ]);
  return {
    node: node.name,
    pid,
    vms: seen.vms
      .filter(v => own.has(v.nodeId))
      .map(v => `${v.name} ${v.node} ${v.state} ${v.epoch}${v.stale ? ' stale' : ''}`),
    nodes: seen.nodes.filter(n => own.has(n.id)).map(n => `${n.name} ${n.state} ${n.incarnation}`),
    flags: `${me?.mode} ${me?.cordoned} ${seen.pausedMs > 0} ${me?.policyHash}`,
    handoffs: seen.handoffs.filter(h => h.outcome === '').map(h => `${h.handoff} ${h.stage}`),
    processes: [...vmms, ...pageServers].map(p => `${p.pid} ${p.startTicks}`).sort(),
    rssMib: pid === undefined ? 0 : rssMib(pid),
    fds: pid === undefined ? 0 : readdirSync(`/proc/${pid}/fd`).length,
    logBytes: statSync(node.state.log).size,
    dbBytes: bytesIn(join(node.stateDir, 'db')),
    registers: registers.length,
    tokens: tokens.length,
    audit: counted(audit, ROWS_MAX),
    unacknowledged: Number(UNACKNOWLEDGED.exec(metrics)?.[1]),
  };
}

/** Of a full page nobody knows how many more rows there are: NaN, which is above every bound. */
export const counted = (rows: readonly unknown[], max: number): number =>
  rows.length < max ? rows.length : Number.NaN;

const UNACKNOWLEDGED = /^shoal_handoffs_unacknowledged (\d+)$/m;

async function text(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(15_000) })).text();
}

/** LevelDB removes files of its own while this looks. */
function bytesIn(dir: string): number {
  const sizes = readdirSync(dir).map(name => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** How much more `after` has. */
export const growthOf = (before: Picture, after: Picture): Record<Measure, number> => {
  const measures = Object.keys(GROWTH_MAX) as Measure[];
  return Object.fromEntries(measures.map(m => [m, after[m] - before[m]])) as Record<Measure, number>;
};

/**
 * What is not as it was; empty when all is. Of nodes whose agent was started again, once, only what a new process must
 * have may differ:
 * - `pid`: another one, not the same.
 * - `nodes`: their life is the next one, on every node that sees them; they are awake as before.
 * `may`: bounds of this attack that are others than those in `GROWTH_MAX`.
 * All else outlives an agent: its VMs and VMMs go on, flags are registers on the disk, handoffs have their records.
 */
export function changes(
  before: Picture,
  after: Picture,
  restarted: readonly string[] = [],
  may: Partial<Record<Measure, number>> = {},
): string[] {
  const found: string[] = [];
  if (!restarted.includes(after.node)) {
    if (before.pid !== after.pid) found.push(`${after.node}: pid was ${before.pid}, is ${after.pid}`);
  } else if (after.pid === undefined || after.pid === before.pid)
    found.push(`${after.node}: pid was ${before.pid}, is ${after.pid} after a restart`);
  if (before.flags !== after.flags)
    found.push(`${after.node}: flags were ${before.flags}, are ${after.flags}`);
  const expected = { ...before, nodes: before.nodes.map(row => nextLife(row, restarted)) };
  for (const key of ['vms', 'nodes', 'handoffs', 'processes'] as const) {
    const [was, is] = [expected[key].join(', '), after[key].join(', ')];
    if (was !== is) found.push(`${after.node}: ${key} must be ${was}; are ${is}`);
  }
  for (const [measure, growth] of Object.entries(growthOf(before, after)) as [Measure, number][]) {
    const max = may[measure] ?? GROWTH_MAX[measure];
    // Not `>`: what could not be measured is NaN, and no less than any bound.
    if (!(growth <= max))
      found.push(
        `${after.node}: ${measure} grew from ${before[measure]} to ${after[measure]}, by more than ${max}`,
      );
  }
  return found;
}

function nextLife(row: string, restarted: readonly string[]): string {
  const [name = '', state, life] = row.split(' ');
  return restarted.includes(name) ? `${name} ${state} ${Number(life) + 1}` : row;
}

/** Of a process and its page table (proc(5), statm). */
export const rssMib = (pid: number): number =>
  Math.round((Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 2 ** 20);
