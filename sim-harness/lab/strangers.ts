/**
 * How much of some cores processes outside a lab used: from `/proc/stat` (proc(5)) less the lab's own cgroups. What the
 * hypervisor gave to other machines (steal) is theirs too. So is what interrupts did on a core that was idle, since nobody is
 * charged for it: while a process runs they are charged to it (unless the kernel has CONFIG_IRQ_TIME_ACCOUNTING). What the kernel
 * puts off to its own threads (`ksoftirqd`) is not: beside a lab that moves VMs it is the packets of the lab.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { usedMs } from './cgroups.ts';

/** USER_HZ is 100 wherever Shoal runs. */
const TICK_MS = 10;
/** Those of some hundred cores are among the first so many. */
const KERNEL_THREADS = 1000;

/** Shares since the watch began, 0 to 1. */
export type Watch = {
  /** Of all the cores. */
  stop(): number;
  /** Of each core, where the first group is bound to the first core, and so on. */
  each(): number[];
};

export function busyMs(cores: readonly number[], stat = readFileSync('/proc/stat', 'utf8')): number {
  let sum = 0;
  for (const line of stat.split('\n')) {
    const core = /^cpu(\d+) /.exec(line);
    if (!core || !cores.includes(Number(core[1]))) continue;
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
      .split(/\s+/)
      .slice(1)
      .map(Number);
    sum += (user + nice + system + irq + softirq + steal) * TICK_MS;
  }
  return sum;
}

/** CPU time of the kernel's thread for interrupts on each of these cores so far, ms; 0 where it is not to be seen. */
export function softirqThreadsMs(cores: readonly number[], proc = '/proc'): number {
  return cores.reduce((sum, core) => sum + (softirqThreads(proc).get(core) ?? 0), 0);
}

/** They are there from the boot on, so that their numbers are low ones. */
function softirqThreads(proc: string): Map<number, number> {
  const found = new Map<number, number>();
  const pids = readdirSync(proc)
    .map(Number)
    .filter(pid => pid > 0)
    .sort((a, b) => a - b);
  for (const pid of pids.slice(0, KERNEL_THREADS)) {
    const stat = read(join(proc, String(pid), 'stat'));
    const core = /^\d+ \(ksoftirqd\/(\d+)\) /.exec(stat)?.[1];
    if (core === undefined) continue;
    // utime and stime, fields 14 and 15 of proc_pid_stat(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    found.set(Number(core), (Number(fields[11]) + Number(fields[12])) * TICK_MS);
  }
  return found;
}

export function watchStrangers(cores: readonly number[], usages: readonly string[]): Watch {
  const own = (of: readonly number[], groups: readonly string[]) =>
    softirqThreadsMs(of) +
    groups.filter(group => group !== '').reduce((sum, usage) => sum + usedMs(usage), 0);
  const watch = (of: readonly number[], groups: readonly string[]) => {
    const begun = { atMs: performance.now(), busy: busyMs(of), own: own(of, groups) };
    return () => {
      const spanMs = performance.now() - begun.atMs;
      const others = busyMs(of) - begun.busy - (own(of, groups) - begun.own);
      return spanMs > 0 ? Math.max(0, others / spanMs / of.length) : 0;
    };
  };
  const all = watch(cores, usages);
  const each = cores.map((core, i) => watch([core], usages.slice(i, i + 1)));
  return { stop: () => all(), each: () => each.map(share => share()) };
}

/** What is gone meanwhile says nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
