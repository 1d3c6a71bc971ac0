/**
 * VMs that run here. A VMM without the preload is a source as any other (its memory is read from its file); only what the
 * guest writes is not seen then, which `warm` and the order `hot` go by. At the target each gets it anew.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { isAlive, type ProcessId } from '../vmm/processes.ts';
import { type Check, ok, warn } from './check.ts';
import { PRELOAD } from './native.ts';

/** `names`: VM names by UUID, as far as the agent told them. */
export function preloadCheck({ node }: Pick<Config, 'node'>, names: ReadonlyMap<string, string>): Check {
  const name = 'running VMs';
  const vms = runningVms(join(node.runDir, 'vms'));
  const without: string[] = [];
  const unseen: string[] = [];
  for (const { vm, pid } of vms) {
    const loaded = hasPreload(pid);
    if (loaded === undefined) unseen.push(names.get(vm) ?? vm);
    else if (!loaded) without.push(names.get(vm) ?? vm);
  }
  if (without.length)
    return warn(
      name,
      `without the preload: ${without.join(', ')}`,
      'They can move, but by `warm` as by postcopy: nothing goes ahead. Move them once, or stop and start them',
    );
  if (unseen.length) return warn(name, `cannot be looked into: ${unseen.join(', ')}`, 'Run this as root');
  return ok(name, vms.length ? `${vms.length}, all with the preload` : 'none here');
}

function runningVms(dir: string): { vm: string; pid: number }[] {
  const suffix = '.pid';
  return entries(dir).flatMap(name => {
    if (!name.endsWith(suffix)) return [];
    try {
      const id = JSON.parse(readFileSync(join(dir, name), 'utf8')) as ProcessId;
      return isAlive(id) ? [{ vm: name.slice(0, -suffix.length), pid: id.pid }] : [];
    } catch {
      return [];
    }
  });
}

function entries(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** Undefined when this user may not see the process's mappings (ptrace(2), access mode checking). */
function hasPreload(pid: number): boolean | undefined {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8').includes(`/${PRELOAD}`);
  } catch {
    return undefined;
  }
}
