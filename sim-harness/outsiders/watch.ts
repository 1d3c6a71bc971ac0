/** What the nodes of a lab are and know, before and after an attack; what differs is a violation. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import type { Lab, LabNode } from '../lab/index.ts';

/**
 * Measured in three whole runs with 10,000 connections, the largest growth of any agent after any attack: 17, 8 and
 * 7 MiB; half as much more is for a machine whose collector comes late. Whoever is above it is looked at for a minute.
 */
const RSS_GROWTH_MAX_MIB = 24;
/** Dials between agents come and go. */
const FDS_GROWTH_MAX = 24;
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
  rssMib: number;
  fds: number;
};

export async function picture(lab: Lab, node: LabNode): Promise<Picture> {
  const seen = await node.get<ClusterStatus>('/v1/status');
  const own = new Set(lab.nodes.map(n => n.state.peerId));
  const pid = node.pid;
  const { vmms, pageServers } = lab.processes(node.name);
  const me = seen.nodes.find(n => n.id === node.state.peerId);
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
  };
}

/**
 * What is not as it was; empty when all is. Of nodes whose agent was started again, once, only what a new process must
 * have may differ:
 * - `pid`: another one, not the same.
 * - `nodes`: their life is the next one, on every node that sees them; they are awake as before.
 * All else outlives an agent: its VMs and VMMs go on, flags are registers on the disk, handoffs have their records.
 */
export function changes(before: Picture, after: Picture, restarted: readonly string[] = []): string[] {
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
  if (after.rssMib - before.rssMib > RSS_GROWTH_MAX_MIB)
    found.push(`${after.node}: resident memory grew from ${before.rssMib} to ${after.rssMib} MiB`);
  if (after.fds - before.fds > FDS_GROWTH_MAX)
    found.push(`${after.node}: descriptors grew from ${before.fds} to ${after.fds}`);
  return found;
}

function nextLife(row: string, restarted: readonly string[]): string {
  const [name = '', state, life] = row.split(' ');
  return restarted.includes(name) ? `${name} ${state} ${Number(life) + 1}` : row;
}

/** Of a process and its page table (proc(5), statm). */
export const rssMib = (pid: number): number =>
  Math.round((Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 2 ** 20);
