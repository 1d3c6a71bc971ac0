/**
 * What page servers recorded while VMs came to this node, for the moves from it. On the disk, since a VM may stay for long,
 * but not synced: without it pages come later, no more.
 */
import type { VmSpec } from '@shoal/protocol';
import type { Logger } from '../log.ts';
import { type Database, Shelf } from '../store/store.ts';
import type { PageStats, Recorded } from './types.ts';

/** More VMs than a node has, at 2 KiB each: those that have gone on are not looked for, the oldest make room. */
const VMS_MAX = 256;

export class Recordings {
  readonly #machines: Shelf<number[]>;
  readonly #vms: Shelf<number[]>;
  readonly #deviceLoad: Map<string, number[]>;
  /** By VM, those that came last at the end. */
  readonly #faulted: Map<string, number[]>;

  private constructor(
    machines: [Shelf<number[]>, [string, number[]][]],
    vms: [Shelf<number[]>, [string, number[]][]],
  ) {
    this.#machines = machines[0];
    this.#deviceLoad = new Map(machines[1]);
    this.#vms = vms[0];
    this.#faulted = new Map(vms[1]);
  }

  /** Those of earlier lives of this agent. */
  static async read(db: Database): Promise<Recordings> {
    const machines = new Shelf<number[]>(db, 'device-load');
    const vms = new Shelf<number[]>(db, 'faulted');
    return new Recordings([machines, await machines.all()], [vms, await vms.all()]);
  }

  /** What a move of this VM from here takes: empty lists where nothing is known. */
  of({ machine, vm }: Pick<VmSpec, 'machine' | 'vm'>): Recorded {
    return {
      deviceLoadPages: this.#deviceLoad.get(machine) ?? [],
      hotBlocks: this.#faulted.get(vm) ?? [],
    };
  }

  /** A VM has come. A page server that was started again meanwhile may have seen nothing: that takes away nothing. */
  keep(
    { machine, vm }: Pick<VmSpec, 'machine' | 'vm'>,
    { deviceLoadPages, faultedBlocks }: Pick<PageStats, 'deviceLoadPages' | 'faultedBlocks'>,
    log: Logger,
  ): void {
    const written: Promise<void>[] = [];
    if (deviceLoadPages.length > 0) {
      this.#deviceLoad.set(machine, deviceLoadPages);
      written.push(this.#machines.put(machine, deviceLoadPages));
    }
    if (faultedBlocks.length > 0) {
      this.#faulted.delete(vm);
      this.#faulted.set(vm, faultedBlocks);
      written.push(this.#vms.put(vm, faultedBlocks));
    }
    for (const old of [...this.#faulted.keys()].slice(0, -VMS_MAX)) {
      this.#faulted.delete(old);
      written.push(this.#vms.delete(old));
    }
    Promise.all(written).catch(error =>
      log.warn({ vm, error: String(error) }, 'what was recorded of the move is not kept'),
    );
  }
}
