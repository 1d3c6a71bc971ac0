/**
 * CPU time that a node's VMs may use and have used, from the kernel's counters. Two sources: the whole host (or some
 * of its cores) by `/proc/stat` (proc(5)), or one cgroup: v1 `cpuacct.usage` in ns, v2 `cpu.stat` `usage_usec`
 * (kernel admin-guide/cgroup-v1/cpuacct.rst, cgroup-v2.rst). A lab node shares its machine with others, so its own
 * figure must come from its cgroup.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '../../errors.ts';

/** Reads busy time since some fixed moment, in ms of one core; NaN when it cannot be read. */
export type BusyReader = () => number;

/** Linux counts `/proc/stat` in USER_HZ, which is 100 on every architecture that Shoal runs on. */
const TICK_MS = 10;

export function hostBusy(coreSet: readonly number[], procStat = '/proc/stat'): BusyReader {
  return () => {
    const wanted = read(procStat)
      .split('\n')
      .filter(line => {
        const core = /^cpu(\d*) /.exec(line);
        if (!core) return false;
        return coreSet.length === 0 ? core[1] === '' : core[1] !== '' && coreSet.includes(Number(core[1]));
      });
    // A core that is named but not there, or offline: the sum would be of fewer cores than were asked for.
    if (wanted.length < Math.max(1, new Set(coreSet).size)) return Number.NaN;
    return wanted.reduce((sum, line) => sum + busyTicks(line), 0) * TICK_MS;
  };
}

/** user, nice, system, irq, softirq; steal belongs to others and guest time is in user already. */
function busyTicks(line: string): number {
  const fields = line.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
  return user + nice + system + irq + softirq;
}

export function cgroupBusy(dir: string): BusyReader {
  const v1 = join(dir, 'cpuacct.usage');
  const v2 = join(dir, 'cpu.stat');
  if (existsSync(v1)) return () => Number(/^\d+/.exec(read(v1))?.[0] ?? Number.NaN) / 1e6;
  if (existsSync(v2)) return () => Number(/^usage_usec (\d+)/m.exec(read(v2))?.[1] ?? Number.NaN) / 1e3;
  throw new ShoalError(
    'SHOAL_CONFIG_CGROUP',
    `the cgroup has neither cpuacct.usage nor cpu.stat`,
    `cpu.cgroup: ${dir}`,
    'Name a cgroup v1 cpuacct directory or a cgroup v2 directory, or set cpu.source to host',
  );
}

/** A cgroup can go while the agent runs; that must not keep the node from reporting. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
