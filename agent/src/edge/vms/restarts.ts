/** VMs that should run and do not: started again by the crash policy, after a reboot of the node, or left as crashed. */
import { afterCrash } from '../../core/vm/crash-policy.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { OwnedVm } from './record.ts';

/** What has the VM (a handoff that ends, a change by people) is mostly done in less; then it is looked at again. */
const TAKEN_MS = 1000;

export type RestartsDeps = {
  clock: Clock;
  log: Logger;
  changed(): void;
  /** It has not left and was not destroyed meanwhile. */
  ours(owned: OwnedVm): boolean;
  /** A handoff or another change of it is under way. */
  taken(vm: string): boolean;
  save(owned: OwnedVm): Promise<void>;
  start(owned: OwnedVm): Promise<void>;
};

export class Restarts {
  readonly #bootId: string;
  readonly #deps: RestartsDeps;

  constructor(bootId: string, deps: RestartsDeps) {
    this.#bootId = bootId;
    this.#deps = deps;
  }

  /** Found not running though it should. A reboot of the node is not a crash of the VM. */
  async ended(owned: OwnedVm): Promise<void> {
    if (!this.#deps.ours(owned)) return;
    const { bootId, restartAtMs } = owned.record;
    if (bootId !== this.#bootId) await this.#startOrCrash(owned);
    else if (restartAtMs > 0) {
      // An earlier life of the agent has counted that crash: its own restart is none of the VM's.
      owned.state = owned.record.lost ? 'lost' : 'crashed';
      this.#startLater(owned, Math.max(0, restartAtMs - this.#deps.clock.wallMs()));
    } else await this.crashed(owned);
  }

  /**
   * By an operator's word it is to start from its disks, whatever its memory was, as a new ownership: as after a reboot,
   * once no handoff has it any more.
   */
  async cold(owned: OwnedVm, epoch: number): Promise<void> {
    const first = { desired: 'running' as const, crashed: false, crashesAtMs: [], bootId: '' };
    owned.record = { ...owned.record, ...first, epoch: Math.max(epoch, owned.record.epoch) };
    await this.#deps.save(owned);
  }

  /** Part of its memory is gone for ever, with the node that it came from. It is ended, and then treated as crashed. */
  async memoryLost(owned: OwnedVm): Promise<void> {
    owned.record = { ...owned.record, lost: true };
    owned.state = 'lost';
    await this.#deps.save(owned);
    this.#deps.changed();
  }

  /** Its VMM ended by itself, or did not start. */
  async crashed(owned: OwnedVm): Promise<void> {
    const { clock, log, changed, ours } = this.#deps;
    if (!ours(owned)) return;
    const { spec } = owned.record;
    const { action, afterMs, crashesAtMs } = afterCrash(spec.crash, owned.record.crashesAtMs, clock.wallMs());
    const restartAtMs = action === 'restart' ? clock.wallMs() + afterMs : 0;
    owned.record = { ...owned.record, crashesAtMs, crashed: action === 'leave', restartAtMs };
    owned.state = owned.record.lost ? 'lost' : 'crashed';
    // Before it is kept: an agent that is killed in between tells of a crash twice, never of none.
    log.warn(
      { vm: spec.name, action, afterMs, crashes: crashesAtMs.length },
      owned.record.lost ? 'VM lost its memory' : 'VM crashed',
    );
    await this.#keep(owned);
    changed();
    if (action === 'restart') this.#startLater(owned, afterMs);
  }

  /** A full disk must not keep a VM down: at worst a later life of the agent counts one crash less. */
  async #keep(owned: OwnedVm): Promise<void> {
    const { log, save } = this.#deps;
    await save(owned).catch(error =>
      log.error({ vm: owned.record.spec.name, error: String(error) }, 'crash of the VM not kept'),
    );
  }

  /** Nobody waits for this start: that it failed is told by the VM's state and the log. */
  async #startOrCrash(owned: OwnedVm): Promise<void> {
    const { log, start } = this.#deps;
    try {
      await start(owned);
    } catch (error) {
      log.error({ vm: owned.record.spec.name, error: String(error) }, 'VM not started');
      await this.crashed(owned);
    }
  }

  #startLater(owned: OwnedVm, afterMs: number): void {
    const { clock, taken, log, ours } = this.#deps;
    const start = () => {
      const { record, vmm } = owned;
      if (!ours(owned) || record.desired !== 'running' || vmm) return;
      if (taken(record.spec.vm)) return this.#startLater(owned, TAKEN_MS);
      this.#startOrCrash(owned).catch(error =>
        log.error({ vm: record.spec.name, error: String(error) }, 'restart of the VM not kept'),
      );
    };
    clock.after(afterMs, start, 'idle');
  }
}
