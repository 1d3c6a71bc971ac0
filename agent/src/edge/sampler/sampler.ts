/**
 * One sample a second of this node and of each VM on it, into their windows (paper, section 4: the resource monitor).
 * Processes are read with pidusage, the node from the host's or its cgroup's counters.
 */
import pidusage from 'pidusage';
import { Window } from '../../core/window.ts';
import type { Time } from '../clock.ts';
import type { BusyReader } from './cpu.ts';
import { type IoBytes, type NicBytes, nicBytes, nodeIo, vmIo } from './io.ts';
import { KEYS, type LoadKey, rates } from './rates.ts';

export type Load = { mean: Record<LoadKey, number>; cpuNowMilli: number };
export type SampledVm = { vm: string; pid: number; taps: readonly string[] };

/** CPU time used since the process started, its age, both ms; memory, bytes. */
export type Usage = { ctime: number; elapsed: number; memory: number };
/** Processes that are gone are left out. */
export type ReadUsage = (pids: number[]) => Promise<Record<string, Usage | undefined>>;

export type SamplerOptions = { windowMs: number };
export type SamplerDeps = {
  busy: BusyReader;
  clock: Time;
  readNics?: () => NicBytes;
  readNodeIo?: (nics: NicBytes) => IoBytes;
  readUsage?: ReadUsage;
  readVmIo?: (pid: number, taps: readonly string[], nics: NicBytes) => IoBytes;
};

type Tracked = { pid: number; window: Window<LoadKey>; io: IoBytes; cpuMs: number; atMs: number };

/**
 * pidusage keeps the open stat file of a process for so long after the last question. Its default of a minute would
 * outlive a process whose id comes back, and then it answers nothing for the new one for ever.
 */
const HANDLE_KEPT_MS = 5000;

/** pidusage rejects a single dead pid but not a list with one, so it is always given a list with ourselves in it. */
const readUsageOf: ReadUsage = pids => pidusage([...pids, process.pid], { maxage: HANDLE_KEPT_MS });

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #deps: Required<SamplerDeps>;
  readonly #node: Window<LoadKey>;
  readonly #vms = new Map<string, Tracked>();
  #last: { atMs: number; busyMs: number; io: IoBytes };

  constructor(options: SamplerOptions, deps: SamplerDeps) {
    this.#options = options;
    this.#deps = { readNics: nicBytes, readNodeIo: nodeIo, readUsage: readUsageOf, readVmIo: vmIo, ...deps };
    const { clock, busy, readNics, readNodeIo } = this.#deps;
    const atMs = clock.nowMs();
    this.#last = { atMs, busyMs: busy(), io: readNodeIo(readNics()) };
    this.#node = new Window(KEYS, options.windowMs, atMs);
  }

  /** Takes one sample of everything; VMs that are no longer listed are forgotten. */
  async sample(vms: readonly SampledVm[]): Promise<void> {
    const nics = this.#deps.readNics();
    this.#sampleNode(nics);
    for (const vm of this.#vms.keys()) if (!vms.some(v => v.vm === vm)) this.#vms.delete(vm);
    const usage = vms.length ? await this.#deps.readUsage(vms.map(v => v.pid)) : {};
    const atMs = this.#deps.clock.nowMs();
    for (const vm of vms) {
      const seen = usage[vm.pid];
      if (seen) this.#sampleVm(vm, atMs, seen, this.#deps.readVmIo(vm.pid, vm.taps, nics));
    }
  }

  /** The figures of a node whose VMs move are not used until its window is free of the move. */
  disturb(): void {
    this.#node.disturb(this.#deps.clock.nowMs());
  }

  /** This node has just woken, without VMs: its window counts as whole. */
  trust(): void {
    this.#node.trust();
  }

  node(): Load & { full: boolean } {
    return {
      mean: this.#node.means(),
      cpuNowMilli: this.#node.latest('cpuMilli'),
      full: this.#node.full(this.#deps.clock.nowMs()),
    };
  }

  vm(vm: string): Load | undefined {
    const window = this.#vms.get(vm)?.window;
    return window && { mean: window.means(), cpuNowMilli: window.latest('cpuMilli') };
  }

  /** CPU time of its process since it started, ms. */
  cpuMs(vm: string): number | undefined {
    return this.#vms.get(vm)?.cpuMs;
  }

  /** What cannot be read, for people; empty = well. */
  faults(): string[] {
    return Number.isNaN(this.#last.busyMs)
      ? [
          "the CPU counter cannot be read (cpu.* in the configuration): this node's figure is 0 and is not used",
        ]
      : [];
  }

  #sampleNode(nics: NicBytes): void {
    const { clock, busy, readNodeIo } = this.#deps;
    const now = { atMs: clock.nowMs(), busyMs: busy(), io: readNodeIo(nics) };
    const spanMs = now.atMs - this.#last.atMs;
    if (spanMs <= 0) return;
    const usedMs = now.busyMs - this.#last.busyMs;
    // Unreadable, or a counter that began anew: the figure is 0, and nobody shall decide by it.
    const sound = usedMs >= 0;
    if (!sound) this.disturb();
    const values = {
      cpuMilli: sound ? (1000 * usedMs) / spanMs : 0,
      residentMib: 0,
      ...rates(this.#last.io, now.io, spanMs),
    };
    this.#node.push({ atMs: now.atMs, spanMs, values });
    this.#last = now;
  }

  #sampleVm(vm: SampledVm, atMs: number, seen: Usage, io: IoBytes): void {
    const known = this.#vms.get(vm.vm);
    // A counter that fell belongs to another process with the same id.
    if (known?.pid !== vm.pid || seen.ctime < known.cpuMs) {
      const window = this.#firstSight(atMs, seen, io);
      this.#vms.set(vm.vm, { pid: vm.pid, window, io, cpuMs: seen.ctime, atMs });
      return;
    }
    const spanMs = atMs - known.atMs;
    if (spanMs <= 0) return;
    const cpuMilli = (1000 * (seen.ctime - known.cpuMs)) / spanMs;
    const residentMib = seen.memory / 2 ** 20;
    known.window.push({ atMs, spanMs, values: { cpuMilli, residentMib, ...rates(known.io, io, spanMs) } });
    Object.assign(known, { io, atMs, cpuMs: seen.ctime });
  }

  /**
   * A VM that is younger than a window used nothing before it was there: its mean is over the whole window like every
   * other, or its first second of boot would make it look like the busiest VM of the node.
   */
  #firstSight(atMs: number, { ctime, elapsed, memory }: Usage, io: IoBytes): Window<LoadKey> {
    const { windowMs } = this.#options;
    const window = new Window(KEYS, windowMs, atMs);
    if (elapsed <= 0 || elapsed >= windowMs) return window;
    const still = { residentMib: memory / 2 ** 20, ...rates(io, io, elapsed) };
    const bornMs = atMs - elapsed;
    window.push({ atMs: bornMs, spanMs: windowMs - elapsed, values: { cpuMilli: 0, ...still } });
    window.push({ atMs, spanMs: elapsed, values: { cpuMilli: (1000 * ctime) / elapsed, ...still } });
    return window;
  }
}
