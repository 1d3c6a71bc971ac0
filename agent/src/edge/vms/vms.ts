/**
 * The VMs that this node owns, from creation to end. A VM in a handoff belongs to the handoff: nothing here starts or
 * ends it meanwhile (handoff.md: nobody but the table may resume or drop a guest).
 */
import type { VmSpec } from '@shoal/protocol';
import assert from '../../core/assert.ts';
import { ShoalError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { VmHost, Vmm } from '../vmm/types.ts';
import { arrivalRecord, type Luggage } from './arrival.ts';
import { learnState } from './learn-state.ts';
import { Once } from './once.ts';
import { powerOff } from './power-off.ts';
import { newRecord, type OwnedVm, startedIn, stateOf, type VmShelves } from './record.ts';
import { Restarts } from './restarts.ts';
import { type Change, Turns } from './turns.ts';
import { Watch } from './watch.ts';

/** How long a guest gets to power down before it is ended. Longer keeps people waiting, shorter loses its data. */
export const POWERDOWN_MS = 15_000;

export type VmsOptions = {
  bootId: string;
  cooldownMs: number;
  pinMs: number;
  /** How long a guest gets to power down; for tests. */
  powerdownMs?: number;
};
export type VmsDeps = {
  host: VmHost;
  shelves: VmShelves;
  clock: Clock;
  log: Logger;
  /** True while a handoff of this VM is not ended on this node. */
  inHandoff(vm: string): boolean;
  /** Something that others should hear of soon has changed. */
  changed(): void;
};

export class Vms {
  readonly #options: VmsOptions;
  readonly #deps: VmsDeps;
  readonly #restarts: Restarts;
  readonly #leaving = new Set<string>();
  readonly #vms = new Map<string, OwnedVm>();
  readonly #turns = new Turns();
  readonly #watch: Watch;
  readonly #looks = new Once();

  constructor(options: VmsOptions, deps: VmsDeps) {
    this.#options = options;
    this.#deps = deps;
    const { clock, log, changed, host, inHandoff } = deps;
    const ours = (owned: OwnedVm) => this.#vms.get(owned.record.spec.vm) === owned;
    const save = this.#save.bind(this);
    this.#restarts = new Restarts(options.bootId, {
      clock,
      log,
      changed,
      ours,
      taken: vm => inHandoff(vm) || this.#turns.under(vm) !== undefined,
      save,
      start: owned => this.#start(owned),
    });
    const crashed = (owned: OwnedVm) => this.#restarts.crashed(owned);
    this.#watch = new Watch({ host, log, clock, changed, ours, inHandoff, save, crashed });
  }

  list(): OwnedVm[] {
    return [...this.#vms.values()];
  }

  get(vm: string): OwnedVm | undefined {
    return this.#vms.get(vm);
  }

  /** Memory that guests of this node hold, MiB. */
  memoryMib(): number {
    const holding = this.list().filter(v => v.vmm || v.state === 'starting');
    return holding.reduce((sum, v) => sum + v.record.spec.memoryMib, 0);
  }

  /** By UUID or name. */
  find(name: string): OwnedVm | undefined {
    return this.#vms.get(name) ?? this.list().find(v => v.record.spec.name === name);
  }

  /** Reads the records and takes living VMMs back, without disturbing them. Starts nothing: see `startOwned`. */
  async adoptAll(): Promise<void> {
    for (const [vm, record] of await this.#deps.shelves.records.all()) {
      const owned: OwnedVm = { record, vmm: undefined, state: stateOf(record) };
      this.#vms.set(vm, owned);
      const vmm = await this.#deps.host.adopt(record.spec);
      if (!vmm) continue;
      this.#watch.attach(owned, vmm);
      await learnState(owned, vmm, this.#deps.clock);
      this.#deps.log.info({ vm: record.spec.name, pid: vmm.pid, state: owned.state }, 'VM adopted');
    }
  }

  /** After `adoptAll` and the handoffs' recovery. A VM may leave while another is seen to. */
  async startOwned(): Promise<void> {
    for (const owned of this.list()) {
      const { spec, desired } = owned.record;
      if (this.#vms.get(spec.vm) !== owned || this.#deps.inHandoff(spec.vm)) continue;
      if (!owned.vmm) await this.#seeTo(owned);
      else if (desired === 'stopped') void this.stop(owned).catch(error => this.#watch.failed(owned, error));
    }
  }

  /** One that has no guest, and no handoff: it starts again, or gives back what it held. */
  #seeTo(owned: OwnedVm): Promise<void> {
    return this.#looks.run(owned.record.spec.vm, async () => {
      if ((this.busy(owned.record.spec.vm) ?? 'move') !== 'move') return;
      await this.#watch.release(owned);
      const { desired, crashed } = owned.record;
      if (desired === 'running' && !crashed) await this.#restarts.ended(owned);
      this.#deps.changed();
    });
  }

  /** Rejects with SHOAL_VM_SPEC and all that hinders this node from running it. */
  async judge(spec: VmSpec): Promise<void> {
    const faults = await this.#deps.host.judge(spec);
    if (faults.length > 0)
      throw new ShoalError('SHOAL_VM_SPEC', faults.join('; '), spec.name, 'Mend the spec and run it again');
  }

  /**
   * A new VM. The record is on the disk before the VMM starts, so that no guest runs which nobody knows of. `admit`
   * throws when it may not be: asked at the last moment, since another VM may have come meanwhile.
   */
  async create(spec: VmSpec, admit: () => void): Promise<void> {
    admit();
    const record = newRecord(spec, 1, this.#options.bootId);
    const owned: OwnedVm = { record, vmm: undefined, state: 'starting' };
    this.#vms.set(spec.vm, owned);
    try {
      await this.#save(owned);
      await this.#start(owned);
    } catch (error) {
      // As long as its VMM could live, the record stays: no guest runs which nobody knows of.
      await this.#deps.host.clean(spec);
      this.#vms.delete(spec.vm);
      await this.#deps.shelves.records.delete(spec.vm);
      throw error;
    }
  }

  /** Throws when it may not be started now. */
  mayStart(owned: OwnedVm): void {
    // A handoff may be about to let the guest run, here or elsewhere: a second one would be a second owner.
    this.#mustNotMove(owned);
    if (owned.vmm) throw new ShoalError('SHOAL_VM_RUNS', 'the VM runs already', owned.record.spec.name, '');
  }

  /** Throws when it may not be ended, or given away, now. */
  mayEnd(owned: OwnedVm): void {
    this.#mustNotMove(owned);
  }

  /** A stopped or crashed VM of this node starts again. */
  async startAgain(owned: OwnedVm): Promise<void> {
    this.mayStart(owned);
    owned.record = { ...owned.record, desired: 'running', crashed: false, crashesAtMs: [] };
    await this.#start(owned);
  }

  /** Resolves when the guest is gone. `forced`: it did not power down in its time. */
  stop(owned: OwnedVm): Promise<{ forced: boolean }> {
    this.#mustNotMove(owned);
    return this.#turns.take(owned.record.spec, 'stop', async () => {
      owned.record = { ...owned.record, desired: 'stopped' };
      await this.#save(owned);
      if (!owned.vmm) return { forced: false };
      const end = await powerOff(owned.vmm, this.#options.powerdownMs ?? POWERDOWN_MS, this.#deps.clock);
      await this.#watch.ended(owned);
      return end;
    });
  }

  /** Stops it and removes all that was made for it, its record too. Disks stay: they were not made by Shoal. */
  destroy(owned: OwnedVm): Promise<void> {
    this.#mustNotMove(owned);
    const { spec } = owned.record;
    return this.#turns.take(spec, 'destroy', async () => {
      owned.record = { ...owned.record, desired: 'stopped' };
      await this.#save(owned);
      await owned.vmm?.end();
      await this.#watch.ended(owned);
      await this.#deps.host.clean(spec);
      await this.#deps.shelves.records.delete(spec.vm);
      this.#vms.delete(spec.vm);
      this.#deps.changed();
    });
  }

  /** The change of the VM that is under way. */
  busy(vm: string): Change | undefined {
    return this.#turns.under(vm);
  }

  /** Runs while an offer of the VM is out: nobody starts or ends it meanwhile. Rejects with SHOAL_VM_BUSY. */
  move<T>(spec: VmSpec, offer: () => Promise<T>): Promise<T> {
    return this.#turns.take(spec, 'move', offer);
  }

  async pin(vm: string, forMs: number): Promise<void> {
    const owned = this.#vms.get(vm);
    assert(owned, 'only an owned VM is pinned');
    owned.record = { ...owned.record, pinnedUntilMs: forMs > 0 ? this.#deps.clock.wallMs() + forMs : 0 };
    await this.#save(owned);
    this.#deps.changed();
  }

  /** This node owns the VM now, by a handoff: `cont` was sent. */
  async gained(spec: VmSpec, epoch: number, vmm: Vmm | undefined, from: Luggage): Promise<void> {
    const leftAtMs = await this.#deps.shelves.departures.leftAtMs(spec.vm);
    const nowMs = this.#deps.clock.wallMs();
    const record = arrivalRecord({ spec, epoch }, from, leftAtMs, this.#options, nowMs);
    const owned: OwnedVm = { record, vmm: undefined, state: vmm ? 'running' : 'crashed' };
    await this.#save(owned);
    this.#vms.set(spec.vm, owned);
    if (vmm) this.#watch.attach(owned, vmm);
    this.#deps.changed();
  }

  /** The VM has left this node for good: another one owns it. */
  async left(vm: string): Promise<void> {
    // Another handoff of it may end meanwhile: what that would write down behind the delete, a later life would start.
    this.#leaving.add(vm);
    const { clock, shelves, changed } = this.#deps;
    const noted = shelves.departures.note(vm, clock.wallMs());
    const gone = noted.then(() => shelves.records.delete(vm));
    await gone.then(() => this.#vms.delete(vm)).finally(() => this.#leaving.delete(vm));
    changed();
  }

  /** A handoff of this VM ended here and it stays: with a higher epoch when it was retaken. Starts nothing. */
  async stays(vm: string, epoch: number): Promise<void> {
    const owned = this.#vms.get(vm);
    // An old handoff may be the last to end. Known only once it is written: who settles a handoff tries again until then.
    if (!owned || this.#leaving.has(vm) || epoch <= owned.record.epoch) return;
    await this.#deps.shelves.records.putSynced(vm, { ...owned.record, epoch });
    owned.record = { ...owned.record, epoch };
    this.#deps.changed();
  }

  /** No handoff has it any more: a guest that has ended meanwhile is seen to. */
  async settled(vm: string): Promise<void> {
    const owned = this.#vms.get(vm);
    if (owned && !owned.vmm) await this.#seeTo(owned);
  }

  /** See `Restarts.cold`. */
  async startCold(vm: string, epoch: number): Promise<void> {
    const owned = this.#vms.get(vm);
    if (owned && !this.#leaving.has(vm)) await this.#restarts.cold(owned, epoch);
  }

  /** See `Restarts.memoryLost`. */
  async memoryLost(vm: string): Promise<void> {
    const owned = this.#vms.get(vm);
    if (owned) await this.#restarts.memoryLost(owned);
  }

  #mustNotMove(owned: OwnedVm): void {
    const { vm, name } = owned.record.spec;
    if (!this.#deps.inHandoff(vm)) return;
    const todo = 'Wait for its end, or cancel it';
    throw new ShoalError('SHOAL_VM_MOVING', 'a handoff of the VM is running', name, todo);
  }

  #start(owned: OwnedVm): Promise<void> {
    return this.#turns.take(owned.record.spec, 'start', async () => {
      owned.state = 'starting';
      this.#deps.changed();
      try {
        this.#watch.attach(owned, await this.#deps.host.start(owned.record.spec));
      } catch (error) {
        owned.state = 'crashed';
        this.#deps.changed();
        throw error;
      }
      owned.state = 'running';
      owned.record = { ...owned.record, ...startedIn(this.#options.bootId) };
      // It runs, whatever the disk says: a later life of the agent finds it by its VMM.
      await this.#save(owned).catch(error => this.#watch.failed(owned, error));
      this.#deps.log.info({ vm: owned.record.spec.name, pid: owned.vmm?.pid }, 'VM started');
      this.#deps.changed();
    });
  }

  #save(owned: OwnedVm): Promise<void> {
    return this.#deps.shelves.records.putSynced(owned.record.spec.vm, owned.record);
  }
}
