/**
 * How much of some cores processes outside a lab used: from `/proc/stat` (proc(5)) less the lab's own cgroups. What the
 * hypervisor gave to other machines (steal) is theirs too. So is what interrupts did on a core that was idle, since nobody is
 * charged for it: while a process runs they are charged to it (unless the kernel has CONFIG_IRQ_TIME_ACCOUNTING).
 */
import { readFileSync } from 'node:fs';
import { usedMs } from './cgroups.ts';

/** USER_HZ is 100 wherever Shoal runs. */
const TICK_MS = 10;

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

export function watchStrangers(cores: readonly number[], usages: readonly string[]): Watch {
  const own = (groups: readonly string[]) =>
    groups.filter(group => group !== '').reduce((sum, usage) => sum + usedMs(usage), 0);
  const watch = (of: readonly number[], groups: readonly string[]) => {
    const begun = { atMs: performance.now(), busy: busyMs(of), own: own(groups) };
    return () => {
      const spanMs = performance.now() - begun.atMs;
      const others = busyMs(of) - begun.busy - (own(groups) - begun.own);
      return spanMs > 0 ? Math.max(0, others / spanMs / of.length) : 0;
    };
  };
  const all = watch(cores, usages);
  const each = cores.map((core, i) => watch([core], usages.slice(i, i + 1)));
  return { stop: () => all(), each: () => each.map(share => share()) };
}
