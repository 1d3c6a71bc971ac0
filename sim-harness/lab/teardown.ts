/** Ends and removes everything that a lab made, from its state file alone. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import { gone, type ProcessId, signal, startTicks } from '@shoal/agent/edge/vmm/processes';
import { processesIn, removeCgroup, switchControllers } from './cgroups.ts';
import { releaseName } from './claim.ts';
import { linksOf, processesInNetns, removeNetwork } from './network.ts';
import { unmount } from './space.ts';
import { forgetLab, type LabState, type NodeState } from './state.ts';

/** The kernel needs a moment to let go of a killed process. */
const GONE_MS = 5000;
/** A process that is ended may have started another one meanwhile, hardly often. */
const UNNAMED_TRIES = 5;

/** VMMs and page servers of a node: they outlive its agent, and leave a file with pid and start time. */
export function nodeProcesses(node: Pick<NodeState, 'runDir'>): {
  vmms: ProcessId[];
  pageServers: ProcessId[];
} {
  const read = (paths: string[]): ProcessId[] =>
    paths.flatMap(path => {
      try {
        return [JSON.parse(readFileSync(join(node.runDir, path), 'utf8')) as ProcessId];
      } catch {
        return [];
      }
    });
  const pids = (folder: string) =>
    names(join(node.runDir, folder))
      .filter(name => name.endsWith('.pid'))
      .map(name => join(folder, name));
  return { vmms: read(pids('vms')), pageServers: read(pids('h')) };
}

function names(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Whoever was started so shortly before a crash that no file tells of it: found by the lab's own groups and namespaces. */
async function endUnnamed(state: LabState): Promise<void> {
  const namespaces = state.network ? linksOf(state.network).map(link => link.netns) : [];
  for (let tries = 0; tries < UNNAMED_TRIES; tries++) {
    const pids = [
      ...processesIn(state.nodes.flatMap(n => n.cgroups.all)),
      ...(await Promise.all(namespaces.map(processesInNetns))).flat(),
    ];
    const found = [...new Set(pids)].flatMap(pid => {
      const ticks = startTicks(pid);
      return ticks === undefined ? [] : [{ pid, startTicks: ticks }];
    });
    if (found.length === 0) return;
    await endAll(found);
  }
}

/** Rejects with SHOAL_LAB_DOWN, and keeps the state file for the next try, when something could not be removed. */
export async function teardown(state: LabState): Promise<void> {
  // Agents first, or they would start again what is ended next.
  await endAll(state.nodes.flatMap(n => (n.agent ? [n.agent] : [])));
  for (const node of state.nodes) await endProcesses(node);
  await endUnnamed(state);
  if (state.network) {
    const links = linksOf(state.network);
    await removeNetwork(
      state.network.bridge,
      links.map(link => link.netns),
      links.map(link => link.outside),
    );
  }
  for (const path of state.mounts ?? []) unmount(path);
  for (const node of state.nodes) removeFiles(node);
  for (const path of new Set(state.nodes.flatMap(n => [dirname(n.runDir), dirname(n.ramDir)])))
    rmSync(path, { recursive: true, force: true });
  const left = await removeGroups(state.nodes.flatMap(n => n.cgroups.all));
  if (left.length > 0) {
    const where = left.join(', ');
    throw new ShoalError('SHOAL_LAB_DOWN', 'groups that are still in use', where, 'Run lab -- down again');
  }
  switchControllers(state.controllers, '-');
  forgetLab(state.name);
  releaseName(state.name);
}

/** What a node without power loses: its processes but the agent, and what it had in memory only. */
export async function endNode(node: NodeState): Promise<void> {
  await endProcesses(node);
  removeFiles(node);
}

function removeFiles(node: NodeState): void {
  for (const path of [node.runDir, node.ramDir]) rmSync(path, { recursive: true, force: true });
}

function endProcesses(node: NodeState): Promise<void> {
  const { vmms, pageServers } = nodeProcesses(node);
  return endAll([...vmms, ...pageServers]);
}

async function endAll(processes: ProcessId[]): Promise<void> {
  for (const id of processes) signal(id, 'SIGKILL');
  await Promise.all(processes.map(id => gone(id, GONE_MS)));
}

async function removeGroups(dirs: string[]): Promise<string[]> {
  const all = [...dirs, ...new Set(dirs.map(dir => dirname(dir)).filter(dir => /shoal-[^/]*$/.test(dir)))];
  let left = all;
  for (let tries = 0; tries < 20; tries++) {
    left = left.filter(dir => !removeCgroup(dir));
    if (left.length === 0) break;
    await sleep(50);
  }
  return left;
}
