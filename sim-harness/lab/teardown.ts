/** Ends and removes everything that a lab made, from its state file alone. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gone, type ProcessId, signal } from '@shoal/agent/edge/vmm/processes';
import { removeCgroup } from './cgroups.ts';
import { removeNetwork } from './network.ts';
import { forgetLab, type LabState, type NodeState } from './state.ts';

/** The kernel needs a moment to let go of a killed process. */
const GONE_MS = 5000;

/** VMMs and page servers of a node: they outlive its agent, and leave a file with pid and start time. */
export function nodeProcesses(node: Pick<NodeState, 'runDir'>): {
  vmms: ProcessId[];
  pageServers: ProcessId[];
} {
  const read = (folder: string, name: string): ProcessId[] =>
    names(join(node.runDir, folder)).flatMap(entry => {
      try {
        return [JSON.parse(readFileSync(join(node.runDir, folder, entry, name), 'utf8')) as ProcessId];
      } catch {
        return [];
      }
    });
  return { vmms: read('vms', 'pid.shoal'), pageServers: read('h', 'pid') };
}

function names(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export async function teardown(state: LabState): Promise<void> {
  // Agents first, or they would start again what is ended next.
  await endAll(state.nodes.flatMap(n => (n.agent ? [n.agent] : [])));
  await endAll(
    state.nodes.flatMap(n => {
      const { vmms, pageServers } = nodeProcesses(n);
      return [...vmms, ...pageServers];
    }),
  );
  if (state.network) {
    const { bridge, nodes } = state.network;
    await removeNetwork(
      bridge,
      nodes.map(n => n.netns),
      nodes.map(n => n.outside),
    );
  }
  for (const node of state.nodes)
    for (const path of [node.runDir, node.ramDir]) rmSync(path, { recursive: true, force: true });
  for (const path of new Set(state.nodes.flatMap(n => [dirname(n.runDir), dirname(n.ramDir)])))
    rmSync(path, { recursive: true, force: true });
  await removeGroups(state.nodes.flatMap(n => n.cgroups.all));
  forgetLab(state.name);
}

async function endAll(processes: ProcessId[]): Promise<void> {
  for (const id of processes) signal(id, 'SIGKILL');
  await Promise.all(processes.map(id => gone(id, GONE_MS)));
}

async function removeGroups(dirs: string[]): Promise<void> {
  const all = [...dirs, ...new Set(dirs.map(dir => dirname(dir)).filter(dir => /shoal-[^/]*$/.test(dir)))];
  for (let tries = 0; tries < 20; tries++) {
    if (all.map(removeCgroup).every(Boolean)) return;
    await sleep(50);
  }
}
