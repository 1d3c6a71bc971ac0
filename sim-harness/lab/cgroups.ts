/**
 * A cgroup per lab node: its own CPU figure, its core or quota, and more weight for the agent than for the guests, so
 * that a full node does not starve the agent that must empty it. cgroup v1 (one directory per controller) and v2.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ShoalError } from '@shoal/agent';

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
  // From the top down: a cpuset may only have what its parent has, and a v2 group only what its parent hands on.
  const nodes = plan.all.filter(dir => !isLeaf(dir));
  const tops = nodes.map(dir => dirname(dir));
  for (const dir of [...tops, ...nodes, ...plan.all.filter(isLeaf)]) {
    mkdirSync(dir, { recursive: true });
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (
        existsSync(join(dir, file)) &&
        readFileSync(join(dir, file), 'utf8').trim() === '' &&
        layout === 'v1'
      )
        writeFileSync(join(dir, file), readFileSync(join(dirname(dir), file), 'utf8'));
    }
    if (nodes.includes(dir) && cores === 'own') write(dir, 'cpuset.cpus', index);
    if (nodes.includes(dir) && cores === 'quota') {
      write(dir, 'cpu.cfs_period_us', PERIOD_US);
      write(dir, 'cpu.cfs_quota_us', PERIOD_US);
      write(dir, 'cpu.max', `${PERIOD_US} ${PERIOD_US}`);
    }
    if (layout === 'v2' && !isLeaf(dir)) write(dir, 'cgroup.subtree_control', '+cpu +cpuset');
  }
  checkTaken(nodes, index, cores);
  for (const [dirs, shares, weight] of [
    [plan.agent, SHARES.agent, 800],
    [plan.vms, SHARES.vms, 100],
  ] as const) {
    for (const dir of dirs) {
      write(dir, 'cpu.shares', shares);
      write(dir, 'cpu.weight', weight);
    }
  }
}

/** A limit that silently is not there would make every figure of the lab wrong. Throws SHOAL_LAB_CGROUP. */
function checkTaken(nodes: string[], index: number, cores: Cores): void {
  const says = (file: string, value: string) =>
    nodes.some(dir => existsSync(join(dir, file)) && readFileSync(join(dir, file), 'utf8').trim() === value);
  const taken =
    cores === 'own'
      ? says('cpuset.cpus', String(index))
      : says('cpu.cfs_quota_us', String(PERIOD_US)) || says('cpu.max', `${PERIOD_US} ${PERIOD_US}`);
  if (cores === 'none' || taken) return;
  const what = `the node's ${cores === 'own' ? 'core' : 'quota'} did not take effect`;
  throw new ShoalError('SHOAL_LAB_CGROUP', what, nodes[0] ?? '', 'Use cores none, or free the controllers');
}

/** Controllers that the top of cgroup v2 does not hand on yet; systemd hands on `cpuset` only when a unit wants it. */
export function missingControllers(root = ROOT): string[] {
  const on = readFileSync(join(root, 'cgroup.subtree_control'), 'utf8').trim().split(/\s+/);
  return ['cpu', 'cpuset'].filter(name => !on.includes(name));
}

/** Off again fails while another lab's groups need one; then it stays, and harms nobody. */
export function switchControllers(names: string[], sign: '+' | '-', root = ROOT): void {
  for (const name of names) {
    try {
      writeFileSync(join(root, 'cgroup.subtree_control'), `${sign}${name}`);
    } catch (error) {
      if (sign === '+')
        throw new ShoalError(
          'SHOAL_LAB_CGROUP',
          (error as Error).message,
          `controller ${name}`,
          'Use cores none',
        );
    }
  }
}

/** Whoever is in these groups, whatever it is: only what the lab started is. */
export function processesIn(dirs: string[]): number[] {
  const pids = dirs.flatMap(dir => {
    try {
      return readFileSync(join(dir, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number);
    } catch {
      return [];
    }
  });
  return [...new Set(pids)].filter(pid => pid > 0);
}

const isLeaf = (dir: string): boolean => /\/(agent|vms)$/.test(dir);

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
