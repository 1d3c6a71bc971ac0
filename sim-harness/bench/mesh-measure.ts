/** What is read off running agents from outside: processor time and memory by /proc, bytes by /metrics, reports by their traces. */
import { existsSync, readFileSync } from 'node:fs';
import type { ClusterStatus } from '@shoal/agent';
import type { Agent } from './mesh-agents.ts';

/** USER_HZ, fixed at 100 for user space (proc(5)). */
const TICK_MS = 10;
const PAGE_BYTES = 4096;
const ANSWER_MS = 3_000;

/** Processor time used by a process and its threads so far, ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

export const rssMb = (pid: number): number =>
  (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 1e6;

/** Processor time of the whole machine so far, ms: what it did, whoever asked for it. */
export function machineBusyMs(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split(/\s+/)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) * TICK_MS;
}

export async function sentBytes(agent: Agent): Promise<number> {
  const response = await fetch(`${agent.http}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
  const match = /^shoal_mesh_sent_bytes_total(?:\{[^}]*\})? (\S+)/m.exec(await response.text());
  if (!match) throw new Error('the agent has no metric shoal_mesh_sent_bytes_total');
  return Number(match[1]);
}

/** State of every node as one agent sees it, or undefined while it does not answer. */
export async function viewOf(agent: Agent): Promise<Map<string, string> | undefined> {
  try {
    const response = await fetch(`${agent.http}/v1/status`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const status = (await response.json()) as ClusterStatus;
    return new Map(status.nodes.map(node => [node.id, node.state]));
  } catch {
    return undefined;
  }
}

export type Deliveries = { latenciesMs: number[]; expected: number };

/** Delays of all reports sent in the window, over all their readers, from the agents' traces (`edge/mesh/trace.ts`). */
export function deliveries(agents: Agent[], fromMs: number, toMs: number): Deliveries {
  const sentAtMs = new Map<string, number>();
  const arrivals: [report: string, atMs: number][] = [];
  for (const { trace } of agents) {
    if (!existsSync(trace)) continue;
    for (const line of readFileSync(trace, 'utf8').split('\n')) {
      const [author, hash, ms, what] = line.split(' ');
      if (what === 'sent') {
        if (Number(ms) >= fromMs && Number(ms) < toMs) sentAtMs.set(`${author} ${hash}`, Number(ms));
      } else if (what === 'received' || what === 'relayed') arrivals.push([`${author} ${hash}`, Number(ms)]);
    }
  }
  const latenciesMs = arrivals.flatMap(([report, atMs]) => {
    const sentMs = sentAtMs.get(report);
    return sentMs === undefined ? [] : [atMs - sentMs];
  });
  return { latenciesMs, expected: sentAtMs.size * (agents.length - 1) };
}

/** Value below which `share` of the numbers lie; nearest rank. NaN of nothing. */
export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
