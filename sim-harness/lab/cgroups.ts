/**
 * A cgroup per lab node: its own CPU figure, its core or quota, and more weight for the agent than for the guests, so
 * that a full node does not starve the agent that must empty it. cgroup v1 (one directory per controller) and v2.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const V1 = ['cpu', 'cpuacct', 'cpuset'] as const;

export type Cores = 'own' | 'quota' | 'none';

export type NodeCgroups = {
  /** What the node's CPU figure is read from; empty = no cgroups here. */
  usage: string;
  agent: string[];
  vms: string[];
  /** Everything made, children first. */
  all: string[];
};

const NONE: NodeCgroups = { usage: '', agent: [], vms: [], all: [] };
/** Weights as v1 shares; v2 takes the same ratio of 100 : 800. */
const SHARES = { agent: 8192, vms: 1024 };
const PERIOD_US = 100_000;

export type Layout = 'v1' | 'v2' | 'none';

export function cgroupLayout(): Layout {
  if (process.getuid?.() !== 0) return 'none';
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return 'v2';
  return V1.every(name => existsSync(join(ROOT, name))) ? 'v1' : 'none';
}

/** Where a node's groups lie. Pure. */
export function cgroupPlan(layout: Layout, lab: string, index: number): NodeCgroups {
  if (layout === 'none') return NONE;
  const roots = layout === 'v2' ? [ROOT] : V1.map(name => join(ROOT, name));
  const node = roots.map(root => join(root, `shoal-${lab}`, `n${index}`));
  const child = (name: string) => node.map(dir => join(dir, name));
  const usage = layout === 'v2' ? node[0] : node[1];
  return {
    usage: usage ?? '',
    agent: child('agent'),
    vms: child('vms'),
    all: [...child('agent'), ...child('vms'), ...node],
  };
}

export function makeCgroups(layout: Layout, plan: NodeCgroups, index: number, cores: Cores): void {
  const write = (dir: string, file: string, value: string | number) => {
    if (existsSync(join(dir, file))) writeFileSync(join(dir, file), String(value));
  };
  const dirs = plan.all.toReversed();
  for (const dir of dirs) {
    for (let at = dir, made: string[] = []; ; at = join(at, '..')) {
      if (existsSync(at)) {
        for (const missing of made.toReversed()) mkdirSync(missing);
        break;
      }
      made = [...made, at];
    }
  }
  // A cpuset group has no cores of its own: from the top down each must be given its parent's first.
  for (const dir of [
    ...new Set(dirs.map(dir => join(dir, '..')).filter(dir => dir.includes('shoal-'))),
    ...dirs,
  ]) {
    if (layout === 'v2') {
      write(
        dir,
        'cgroup.subtree_control',
        dir.endsWith('agent') || dir.endsWith('vms') ? '' : '+cpu +cpuset',
      );
      continue;
    }
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (existsSync(join(dir, file)) && readFileSync(join(dir, file), 'utf8').trim() === '')
        writeFileSync(join(dir, file), readFileSync(join(dir, '..', file), 'utf8'));
    }
  }
  const node = plan.all.filter(dir => !dir.endsWith('/agent') && !dir.endsWith('/vms'));
  for (const dir of node) {
    if (cores === 'own') write(dir, 'cpuset.cpus', index);
    if (cores !== 'quota') continue;
    write(dir, 'cpu.cfs_period_us', PERIOD_US);
    write(dir, 'cpu.cfs_quota_us', PERIOD_US);
    write(dir, 'cpu.max', `${PERIOD_US} ${PERIOD_US}`);
  }
  for (const [dirs, shares] of [
    [plan.agent, SHARES.agent],
    [plan.vms, SHARES.vms],
  ] as const) {
    for (const dir of dirs) {
      if (cores === 'own') write(dir, 'cpuset.cpus', index);
      write(dir, 'cpu.shares', shares);
      write(dir, 'cpu.weight', shares === SHARES.agent ? 800 : 100);
    }
  }
}

/** CPU time of a group so far, ms. */
export function usedMs(usage: string): number {
  const v1 = join(usage, 'cpuacct.usage');
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8')) / 1e6;
  return Number(/^usage_usec (\d+)/m.exec(readFileSync(join(usage, 'cpu.stat'), 'utf8'))?.[1] ?? 0) / 1e3;
}

/** Removes an empty group; one that is gone or still has a dying process is left for the next `down`. */
export function removeCgroup(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch {
    return !existsSync(dir);
  }
}
