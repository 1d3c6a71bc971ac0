/** Follows the VMM of each owned VM: its guest runs, stands, or has ended; and gives back what an ended one held. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { VmHost, Vmm, VmmEvent } from '../vmm/types.ts';
import { learnState } from './learn-state.ts';
import { type OwnedVm, stateOf } from './record.ts';

export type WatchDeps = {
  host: VmHost;
  log: Logger;
  clock: Clock;
  changed(): void;
  /** It has not left and was not destroyed meanwhile. */
  ours(owned: OwnedVm): boolean;
  inHandoff(vm: string): boolean;
  save(owned: OwnedVm): Promise<void>;
  crashed(owned: OwnedVm): Promise<void>;
};

export class Watch {
  readonly #deps: WatchDeps;
  /** By VM: resolved when all that follows the end of its present VMM is done. */
  readonly #ends = new Map<string, Promise<void>>();

  constructor(deps: WatchDeps) {
    this.#deps = deps;
  }

  attach(owned: OwnedVm, vmm: Vmm): void {
    owned.vmm = vmm;
    let shutdown = false;
    const ended = new Promise<void>(resolve => {
      vmm.on(event => {
        if (owned.vmm !== vmm) return;
        if (event.kind === 'shutdown') shutdown = true;
        this.#onVmm(owned, event, shutdown)
          .catch(error => this.failed(owned, error))
          .finally(() => event.kind === 'exit' && resolve());
      });
    });
    this.#ends.set(owned.record.spec.vm, ended);
  }

  /** Resolves when its last VMM has ended and all that follows is done. */
  async ended({ record: { spec } }: OwnedVm): Promise<void> {
    await this.#ends.get(spec.vm);
    this.#ends.delete(spec.vm);
  }

  /** Gives back what a guest held that is gone: memory, network cards, sockets. */
  async release(owned: OwnedVm): Promise<void> {
    await this.#deps.host.release(owned.record.spec).catch(error => this.failed(owned, error));
  }

  /** Where nobody waits for what failed. */
  failed(owned: OwnedVm, error: unknown): void {
    this.#deps.log.error({ vm: owned.record.spec.name, error: String(error) }, 'change of the VM failed');
  }

  async #onVmm(owned: OwnedVm, event: VmmEvent, shutdown: boolean): Promise<void> {
    if (event.kind === 'resume') owned.state = 'running';
    else if (event.kind === 'stop') owned.state = 'paused';
    else if (event.kind === 'exit') await this.#onExit(owned, shutdown);
    else if (event.kind === 'reopened') await this.#reopened(owned, event.why);
    else return;
    this.#deps.changed();
  }

  /** What it told while its monitor was closed has not been heard. */
  async #reopened(owned: OwnedVm, why: string): Promise<void> {
    const { log, clock } = this.#deps;
    const { vmm, record } = owned;
    log.warn(
      { vm: record.spec.name, pid: vmm?.pid, why },
      'the monitor of a VM was closed, and is open again',
    );
    if (vmm) await learnState(owned, vmm, clock);
  }

  async #onExit(owned: OwnedVm, shutdown: boolean): Promise<void> {
    const { inHandoff, ours, save, crashed } = this.#deps;
    // In a handoff its memory may still be wanted; of a VM that has left nothing is ours to give back.
    const settled = ours(owned) && !inHandoff(owned.record.spec.vm);
    // Until this is done its VMM counts as there, so that no start overtakes it.
    if (settled) await this.release(owned);
    owned.vmm = undefined;
    owned.state = stateOf(owned.record);
    if (shutdown) owned.record = { ...owned.record, desired: 'stopped' };
    if (!ours(owned)) return;
    if (owned.record.desired === 'stopped') await save(owned);
    else if (settled) await crashed(owned);
  }
}
