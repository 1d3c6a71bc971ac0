/** One node's machine: its disk, its VMMs and page servers, its memory and its CPU. Agents come and go on it. */
import { Disk } from './disk.ts';
import type { PageProcess, Session } from './pages.ts';
import type { SimVmm } from './vmm.ts';
import type { World } from './world.ts';

export type MachineOptions = { cores: number; memoryMib: number };

export class Machine {
  readonly name: string;
  /** Peer id. */
  readonly id: string;
  readonly address: string;
  readonly options: MachineOptions;
  readonly disk: Disk;
  readonly vmms = new Map<string, SimVmm>();
  /** RAM files by VM; the number is that of the file's making. */
  readonly ram = new Map<string, number>();
  /** Session directories by handoff. */
  readonly sessions = new Map<string, Session>();
  /** Its clock: what it is ahead at the start of the run, and how much faster it goes. */
  readonly aheadMs: number;
  readonly drift: number;
  boots = 1;
  power: 'on' | 'asleep' | 'off' | 'off for good' = 'on';
  /** Operators who keep it without power while they resolve. */
  heldOff = 0;
  busyMs = 0;
  #settledMs = 0;
  readonly #world: World;

  constructor(
    world: World,
    index: number,
    options: MachineOptions,
    clock: { aheadMs: number; drift: number },
  ) {
    this.#world = world;
    this.disk = new Disk(() => world.chance.happens(0.5));
    this.name = `node${index}`;
    // From 1 on, since a peer id has no zeros; ids sort like names.
    this.id = `12D3KooWSim${index}${'x'.repeat(40)}`;
    this.address = `10.0.0.${index}`;
    this.options = options;
    this.aheadMs = clock.aheadMs;
    this.drift = clock.drift;
  }

  get bootId(): string {
    return `${this.name}-boot${this.boots}`;
  }

  /** Monotonic, of this machine. */
  nowMs(): number {
    return this.#world.time.nowMs * (1 + this.drift) + this.aheadMs;
  }

  pageProcesses(): PageProcess[] {
    return [...this.sessions.values()].flatMap(s => (s.process?.alive ? [s.process] : []));
  }

  /** Brings the CPU counters up to now; to be called before a guest starts, ends or changes its load. */
  settleCpu(): void {
    const { nowMs } = this.#world.time;
    const spanMs = nowMs - this.#settledMs;
    this.#settledMs = nowMs;
    if (spanMs <= 0) return;
    const running = [...this.vmms.values()].filter(v => v.state === 'running');
    const wanted = running.map(v => this.#world.loadMilli(v.spec.vm));
    const total = wanted.reduce((sum, milli) => sum + milli, 0);
    const share = Math.min(1, (this.options.cores * 1000) / Math.max(1, total));
    running.forEach((vmm, i) => {
      const usedMs = ((wanted[i] as number) * share * spanMs) / 1000;
      vmm.cpuMs += usedMs;
      this.busyMs += usedMs;
    });
  }

  /** All processes and all memory are gone; `share` of what the disk had not synced is on it. */
  powerCut(share: number): { lost: number } {
    for (const vmm of [...this.vmms.values()]) vmm.end('power');
    for (const process of this.pageProcesses()) process.end('power');
    this.sessions.clear();
    this.ram.clear();
    return this.disk.powerCut(share);
  }
}
