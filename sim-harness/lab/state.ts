/**
 * What a lab has made, on the disk before it is made: so that `down` can remove all of it, also after the harness was
 * killed in the middle.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  agent: ProcessId | undefined;
};

export type LabState = {
  name: string;
  /** The harness, so that a living lab is not taken for a leftover; undefined = it was left running on purpose. */
  owner: ProcessId | undefined;
  driver: 'qemu' | 'micro';
  network: NetworkPlan | undefined;
  nodes: NodeState[];
  notes: string[];
};

const dir = (): string => join(repositoryRoot(), 'out', 'lab');
export const labDir = (name: string): string => join(dir(), name);
const file = (name: string): string => join(dir(), `${name}.json`);

export function saveLab(state: LabState): void {
  mkdirSync(dir(), { recursive: true });
  writeFileSync(`${file(state.name)}.new`, JSON.stringify(state, null, 2));
  renameSync(`${file(state.name)}.new`, file(state.name));
}

export function loadLab(name: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(file(name), 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}

export function forgetLab(name: string): void {
  rmSync(file(name), { force: true });
  rmSync(labDir(name), { recursive: true, force: true });
}
