/** How much of some cores processes outside a lab used: from `/proc/stat` (proc(5)) less the lab's own cgroups. */
import { readFileSync } from 'node:fs';
import { usedMs } from './cgroups.ts';

/** USER_HZ is 100 wherever Shoal runs. */
const TICK_MS = 10;

export type Watch = { /** Share of the cores, 0 to 1, since the watch began; ends it. */ stop(): number };

export function busyMs(cores: readonly number[], stat = readFileSync('/proc/stat', 'utf8')): number {
  let sum = 0;
  for (const line of stat.split('\n')) {
    const core = /^cpu(\d+) /.exec(line);
    if (!core || !cores.includes(Number(core[1]))) continue;
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
    sum += (user + nice + system + irq + softirq) * TICK_MS;
  }
  return sum;
}

export function watchStrangers(cores: readonly number[], usages: readonly string[]): Watch {
  const own = () => usages.filter(u => u !== '').reduce((sum, usage) => sum + usedMs(usage), 0);
  const begun = { atMs: performance.now(), busy: busyMs(cores), own: own() };
  return {
    stop() {
      const spanMs = performance.now() - begun.atMs;
      const others = busyMs(cores) - begun.busy - (own() - begun.own);
      return spanMs > 0 ? Math.max(0, others / spanMs / cores.length) : 0;
    },
  };
}
