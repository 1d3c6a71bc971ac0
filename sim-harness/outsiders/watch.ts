/** What the nodes of a lab are and know, before and after an attack; what differs is a violation. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import type { Lab, LabNode } from '../lab/index.ts';

/** The heap of an agent is capped at 64 MiB; buffers and the allocator breathe beside it. */
const RSS_GROWTH_MAX_MIB = 64;
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

/** What is not as it was; empty when all is. */
export function changes(before: Picture, after: Picture): string[] {
  const found: string[] = [];
  for (const key of ['pid', 'flags'] as const)
    if (before[key] !== after[key]) found.push(`${after.node}: ${key} was ${before[key]}, is ${after[key]}`);
  for (const key of ['vms', 'nodes', 'handoffs', 'processes'] as const) {
    const [was, is] = [before[key].join(', '), after[key].join(', ')];
    if (was !== is) found.push(`${after.node}: ${key} were ${was}; are ${is}`);
  }
  if (after.rssMib - before.rssMib > RSS_GROWTH_MAX_MIB)
    found.push(`${after.node}: resident memory grew from ${before.rssMib} to ${after.rssMib} MiB`);
  if (after.fds - before.fds > FDS_GROWTH_MAX)
    found.push(`${after.node}: descriptors grew from ${before.fds} to ${after.fds}`);
  return found;
}

/** Of a process and its page table (proc(5), statm). */
export const rssMib = (pid: number): number =>
  Math.round((Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 2 ** 20);
