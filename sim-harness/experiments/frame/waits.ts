/**
 * For how long the vCPUs of a VM were runnable and did not run: `/proc/PID/task/TID/schedstat` (Linux,
 * Documentation/scheduler/sched-stats.rst: time on the CPU, time waiting to run, both ns). Less noisy than wall time, since what
 * the guest itself does with its time is not in it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isVcpu } from './moves.ts';

const LOOK_EVERY_MS = 500;

type Spent = { ranS: number; waitedS: number };

export class Waits {
  /** Of each VM, by thread: what it was last seen to have spent. A VM that moves has threads on two nodes. */
  readonly #seen = new Map<string, Map<number, Spent>>();
  readonly #timer: NodeJS.Timeout;

  /** `vms`: their UUIDs. */
  constructor(vms: readonly string[]) {
    for (const vm of vms) this.#seen.set(vm, new Map());
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  /** So far. Differences of two readings are what counts. */
  of(vm: string): Spent {
    this.#look();
    const all = [...(this.#seen.get(vm)?.values() ?? [])];
    return {
      ranS: all.reduce((sum, one) => sum + one.ranS, 0),
      waitedS: all.reduce((sum, one) => sum + one.waitedS, 0),
    };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const pid of readdirSync('/proc').map(Number).filter(Boolean)) {
      const line = read(`/proc/${pid}/cmdline`);
      for (const [vm, threads] of this.#seen) if (line.includes(`${vm}.ram`)) lookAt(pid, threads);
    }
  }
}

function lookAt(pid: number, threads: Map<number, Spent>): void {
  for (const tid of list(`/proc/${pid}/task`)) {
    if (!isVcpu(read(`/proc/${pid}/task/${tid}/comm`).trim())) continue;
    const [ran = Number.NaN, waited = Number.NaN] = read(`/proc/${pid}/task/${tid}/schedstat`)
      .split(' ')
      .map(Number);
    if (!Number.isNaN(waited)) threads.set(tid, { ranS: ran / 1e9, waitedS: waited / 1e9 });
  }
}

/** What is gone meanwhile says nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(dir: string): number[] {
  try {
    return readdirSync(dir).map(Number);
  } catch {
    return [];
  }
}
