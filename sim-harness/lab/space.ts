/** File systems of a node's own, small enough to be filled on purpose: its database's and its guests' memory. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import type { LabOptions } from './config.ts';
import type { NodeState } from './state.ts';

export type Mount = { path: string; mib: number };

/** Where the agent keeps its database (edge/store/store.ts). */
export const databaseDir = ({ stateDir }: Pick<NodeState, 'stateDir'>): string => join(stateDir, 'db');

/** What a node's file systems would be; none unless the lab asks for them. Pure. */
export const mountsFor = (
  node: Pick<NodeState, 'stateDir' | 'ramDir'>,
  { databaseMib, ramMib }: LabOptions,
): Mount[] => [
  ...(databaseMib ? [{ path: databaseDir(node), mib: databaseMib }] : []),
  ...(ramMib ? [{ path: node.ramDir, mib: ramMib }] : []),
];

/** Throws SHOAL_LAB_ROOT: only root mounts. */
export function mount({ path, mib }: Mount): void {
  mkdirSync(path, { recursive: true });
  try {
    // tmpfs(5)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=711`, 'shoal-lab', path], {
      stdio: 'pipe',
    });
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim() ?? String(error);
    throw new ShoalError('SHOAL_LAB_ROOT', said, `mount ${path}`, 'Run it as root');
  }
}

/** Lazily (umount(8) -l): a process that is just dying must not keep the lab from going. Gone already is fine. */
export function unmount(path: string): void {
  try {
    execFileSync('umount', ['-l', path], { stdio: 'ignore' });
  } catch {
    return; // not mounted (any more)
  }
}
