/** All that there is in a run beside the agents: time, chance, network, machines, the disks that all can reach, and the truth. */
import { Truth } from '../check/truth.ts';
import { Chance, EVEN, type Odds } from './chance.ts';
import { RunLog } from './log.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { Network } from './network.ts';
import type { PageProcess } from './pages.ts';
import { Time } from './time.ts';

/** Faults that strike at an occasion, each with a share of its occasions. */
export type StrikeKind =
  | 'stream-break'
  | 'cont-refused'
  | 'crash-at-call'
  | 'write-failed'
  | 'write-hidden'
  | 'write-kept'
  | 'start-failed'
  | 'suspend-refused'
  | 'wake-lost';

export type Strikes = Partial<Record<StrikeKind, number>>;

export type WorldOptions = {
  /** Undefined: nothing is left to chance. */
  seed: number | undefined;
  log: boolean;
  machines: readonly MachineOptions[];
  /** Clocks of the machines differ by so much. */
  drift: number;
  /** Faults planted in the world, by name. */
  plants: ReadonlySet<string>;
};

export class World {
  readonly time = new Time();
  readonly chance: Odds;
  readonly log: RunLog;
  readonly network: Network;
  readonly machines: Machine[];
  readonly truth: Truth;
  readonly plants: ReadonlySet<string>;
  strikeShares: Strikes = {};
  /** How often each kind of fault really happened. */
  readonly injected = new Map<string, number>();
  /** What each VM's guest would use, thousandths of a core. */
  readonly loads = new Map<string, number>();
  /** Beside the disks that all nodes share: by path, what a source wrote there. */
  readonly nonces = new Map<string, string>();
  #pids = 1000;
  #ids = 0;

  constructor({ seed, log, machines, drift, plants }: WorldOptions) {
    this.chance = seed === undefined ? EVEN : new Chance(seed);
    this.log = new RunLog(log, () => this.time.nowMs);
    this.plants = plants;
    this.network = new Network(this.time, this.chance, kind => this.happened(kind));
    this.truth = new Truth(this);
    this.machines = machines.map((options, i) => {
      const clock = { aheadMs: this.chance.between(1e4, 1e7), drift: this.chance.between(-drift, drift) };
      return new Machine(this, i + 1, options, clock);
    });
    for (const { id, name } of this.machines) this.log.names.set(id, name);
    this.network.onChange(() => this.#dropLinks());
  }

  nextPid(): number {
    this.#pids += 1;
    return this.#pids;
  }

  /** A UUID that people can tell apart. */
  nextId(): string {
    this.#ids += 1;
    return `${this.#ids.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
  }

  happened(kind: string): void {
    this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
  }

  strikes(kind: StrikeKind): boolean {
    if (!this.chance.happens(this.strikeShares[kind] ?? 0)) return false;
    this.happened(kind);
    return true;
  }

  loadMilli(vm: string): number {
    return this.loads.get(vm) ?? 0;
  }

  setLoad(vm: string, milli: number): void {
    for (const machine of this.machines) machine.settleCpu();
    this.loads.set(vm, milli);
  }

  machine(id: string): Machine {
    const found = this.machines.find(m => m.id === id || m.name === id);
    if (!found) throw new Error(`there is no node ${id}`);
    return found;
  }

  fetcherAt(host: string, port: number): PageProcess | undefined {
    const machine = this.machines.find(m => m.address === host);
    return machine?.pageProcesses().find(p => p.session.role === 'fetch' && p.port === port);
  }

  /** TCP takes a moment to notice that its packets do not come through. */
  #dropLinks(): void {
    for (const machine of this.machines)
      for (const process of machine.pageProcesses()) {
        const other = process.link;
        if (process.session.role !== 'serve' || !other) continue;
        if (this.network.connects(machine.id, other.machine.id)) continue;
        this.time.after(this.chance.between(200, 2000), () => {
          if (process.link === other && !this.network.connects(machine.id, other.machine.id))
            process.unlink('the link is gone');
        });
      }
  }
}
