/** What a VMM uses of the CPU after a moment that is known only later: it is looked at until it is gone. */
import { readdirSync, readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 50;
/** USER_HZ of Linux on every machine that there is (time(7)). */
const TICK_MS = 10;

export type CpuLook = { atMs: number; cpuMs: number };

/** User and system time of a process so far, ms; undefined once it is gone (proc_pid_stat(5), fields 14 and 15). */
export function cpuOf(pid: number): number | undefined {
  try {
    const rest = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(rest[11]) + Number(rest[12])) * TICK_MS;
  } catch {
    return undefined;
  }
}

/** The process whose command line names the RAM file of that VM. */
export function vmmOf(vm: string, pids: readonly number[] = allPids()): number | undefined {
  return pids.find(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${vm}.ram`);
    } catch {
      return false;
    }
  });
}

const allPids = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter(pid => pid > 0);

/** Looks now and then; `stop` answers what was seen. */
export function watchCpu(pid: number | undefined, nowMs: () => number): { stop(): CpuLook[] } {
  const looks: CpuLook[] = [];
  const look = (): void => {
    const cpuMs = pid === undefined ? undefined : cpuOf(pid);
    if (cpuMs !== undefined) looks.push({ atMs: nowMs(), cpuMs });
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      return looks;
    },
  };
}

/** Used from `fromMs` to the last look, ms; -1 where nothing was seen by then. Pure. */
export function usedSince(looks: readonly CpuLook[], fromMs: number): number {
  const before = looks.filter(l => l.atMs <= fromMs).at(-1);
  const last = looks.at(-1);
  return before && last ? last.cpuMs - before.cpuMs : -1;
}

/** Of the source alone; -1 where its VMM was not seen: half of a figure is none. Pure. */
export const sourceCpuSPerGb = (pagesCpuMs: number, vmmMs: number, gb: number): number =>
  vmmMs < 0 || pagesCpuMs < 0 ? -1 : Number(((pagesCpuMs + vmmMs) / 1000 / gb).toFixed(2));
