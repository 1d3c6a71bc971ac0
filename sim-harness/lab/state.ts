/**
 * What a lab has made, on the disk before it is made: so that `down` can remove all of it, also after the harness was
 * killed in the middle.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import type { ProcessId } from '@shoal/agent/edge/vmm/processes';
import { repositoryRoot } from '../guest/root.ts';
import type { NodeCgroups } from './cgroups.ts';
import type { NetworkPlan } from './network.ts';

export type NodeState = {
  name: string;
  index: number;
  address: string;
  http: string;
  peerId: string;
  stateDir: string;
  runDir: string;
  ramDir: string;
  config: string;
  log: string;
  netns: string;
  cgroups: NodeCgroups;
  /** The core that all of the node is bound to; -1 = none in particular. */
  core: number;
  /** Options for the agent's Node, before its own. */
  agentArgs: string[];
  /** Where its agent writes down every report with its time; absent: nowhere. */
  trace?: string;
  agent: ProcessId | undefined;
};

export type LabState = {
  name: string;
  /** The harness, so that a living lab is not taken for a leftover; undefined = it was left running on purpose. */
  owner: ProcessId | undefined;
  driver: 'qemu' | 'micro';
  network: NetworkPlan | undefined;
  /** Controllers that were switched on at the top of cgroup v2 for it, and are switched off after it. */
  controllers: string[];
  /** File systems that were mounted for it. */
  mounts?: string[];
  nodes: NodeState[];
  notes: string[];
};

const dir = (checkout = repositoryRoot()): string => join(checkout, 'out', 'lab');
export const labDir = (name: string): string => join(dir(), checkedName(name));
/** In the checkout that made the lab. */
export const stateFile = (name: string, checkout?: string): string =>
  join(dir(checkout), `${checkedName(name)}.json`);

/** Directories that `down` removes, interfaces and cgroups are called after it. Throws SHOAL_LAB_ARGS. */
export function checkedName(name: string): string {
  if (/^[a-z][a-z0-9]{0,11}$/.test(name)) return name;
  throw new ShoalError(
    'SHOAL_LAB_ARGS',
    `"${name}" cannot be the name of a lab`,
    '--name',
    'Use at most 12 lower-case letters and digits, a letter first',
  );
}

export function saveLab(state: LabState): void {
  mkdirSync(dir(), { recursive: true });
  writeFileSync(`${stateFile(state.name)}.new`, JSON.stringify(state, null, 2));
  renameSync(`${stateFile(state.name)}.new`, stateFile(state.name));
}

/** Undefined when there is no such lab. Throws SHOAL_LAB_STATE when what it made cannot be read any more. */
export function loadLab(name: string): LabState | undefined {
  const path = stateFile(name);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LabState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const what = `what the lab has made cannot be read: ${(error as Error).message}`;
    const todo = `Remove by hand what is called shoal-${name}, then this file`;
    throw new ShoalError('SHOAL_LAB_STATE', what, path, todo);
  }
}

/** The names of all labs that have made something. */
export function labNames(): string[] {
  try {
    return readdirSync(dir()).flatMap(entry => /^([a-z0-9]+)\.json$/.exec(entry)?.[1] ?? []);
  } catch {
    return [];
  }
}

export function forgetLab(name: string): void {
  rmSync(stateFile(name), { force: true });
  rmSync(labDir(name), { recursive: true, force: true });
}
