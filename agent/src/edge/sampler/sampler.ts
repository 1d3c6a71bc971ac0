/**
 * One sample a second of this node and of each VM on it, into their windows (paper, section 4: the resource monitor).
 * Processes are read with pidusage, the node from the host's or its cgroup's counters.
 */
import pidusage from 'pidusage';
import { Window } from '../../core/window.ts';
import type { Clock } from '../clock.ts';
import type { BusyReader } from './cpu.ts';
import { type IoBytes, nodeIo, vmIo } from './io.ts';

const KEYS = ['cpuMilli', 'residentMib', 'diskReadBps', 'diskWriteBps', 'netRxBps', 'netTxBps'] as const;
export type LoadKey = (typeof KEYS)[number];
export type Load = { mean: Record<LoadKey, number>; cpuNowMilli: number };

export type SampledVm = { vm: string; pid: number; taps: readonly string[] };

export type SamplerOptions = { windowMs: number };
export type SamplerDeps = { busy: BusyReader; clock: Clock; readNodeIo?: () => IoBytes };

type Tracked = { pid: number; window: Window<LoadKey>; io: IoBytes; atMs: number };

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #deps: Required<SamplerDeps>;
  readonly #node: Window<LoadKey>;
  readonly #vms = new Map<string, Tracked>();
  #last: { atMs: number; busyMs: number; io: IoBytes };

  constructor(options: SamplerOptions, deps: SamplerDeps) {
    this.#options = options;
    this.#deps = { readNodeIo: nodeIo, ...deps };
    const atMs = deps.clock.nowMs();
    this.#last = { atMs, busyMs: deps.busy(), io: this.#deps.readNodeIo() };
    this.#node = new Window(KEYS, options.windowMs, atMs);
  }

  /** Takes one sample of everything; VMs that are no longer listed are forgotten. */
  async sample(vms: readonly SampledVm[]): Promise<void> {
    this.#sampleNode();
    for (const vm of this.#vms.keys()) if (!vms.some(v => v.vm === vm)) this.#vms.delete(vm);
    // pidusage rejects a single dead pid but not a list with one, so it is always given the list.
    const usage = vms.length ? await pidusage([...vms.map(v => v.pid), process.pid]) : {};
    const atMs = this.#deps.clock.nowMs();
    for (const vm of vms) {
      const seen = usage[vm.pid];
      if (seen) this.#sampleVm(vm, atMs, seen.cpu * 10, seen.memory / 2 ** 20);
    }
  }

  /** The figures of a node whose VMs move are not used until its window is free of the move. */
  disturb(): void {
    this.#node.disturb(this.#deps.clock.nowMs());
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

  #sampleNode(): void {
    const now = { atMs: this.#deps.clock.nowMs(), busyMs: this.#deps.busy(), io: this.#deps.readNodeIo() };
    const spanMs = now.atMs - this.#last.atMs;
    if (spanMs <= 0) return;
    const cpuMilli = (1000 * (now.busyMs - this.#last.busyMs)) / spanMs;
    this.#node.push({
      atMs: now.atMs,
      spanMs,
      values: { cpuMilli, residentMib: 0, ...rates(this.#last.io, now.io, spanMs) },
    });
    this.#last = now;
  }

  #sampleVm(vm: SampledVm, atMs: number, cpuMilli: number, residentMib: number): void {
    const io = vmIo(vm.pid, vm.taps);
    const known = this.#vms.get(vm.vm);
    if (known?.pid !== vm.pid) {
      // pidusage's first answer for a process is its mean since it started: not a figure of the last second.
      this.#vms.set(vm.vm, { pid: vm.pid, window: new Window(KEYS, this.#options.windowMs, atMs), io, atMs });
      return;
    }
    const spanMs = atMs - known.atMs;
    if (spanMs <= 0) return;
    known.window.push({ atMs, spanMs, values: { cpuMilli, residentMib, ...rates(known.io, io, spanMs) } });
    known.io = io;
    known.atMs = atMs;
  }
}

function rates(before: IoBytes, after: IoBytes, spanMs: number) {
  const rate = (key: keyof IoBytes) => Math.max(0, ((after[key] - before[key]) * 1000) / spanMs);
  return {
    diskReadBps: rate('diskRead'),
    diskWriteBps: rate('diskWrite'),
    netRxBps: rate('netRx'),
    netTxBps: rate('netTx'),
  };
}
