/**
 * One change of a VM at a time: two starts would be two guests on one disk, and a guest that is powering down must not
 * be moved away under the hand that stops it.
 */
import type { VmSpec } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';

/** `move`: an offer of it is out. What follows is the handoff's own affair. */
export type Change = 'start' | 'stop' | 'destroy' | 'move';

export class Turns {
  readonly #under = new Map<string, Change>();

  under(vm: string): Change | undefined {
    return this.#under.get(vm);
  }

  /** Rejects with SHOAL_VM_BUSY. A `destroy` does not wait for a `stop`: it ends what that one waits for. */
  async take<T>({ vm, name }: VmSpec, change: Change, work: () => Promise<T>): Promise<T> {
    const under = this.#under.get(vm);
    if (under && !(under === 'stop' && change === 'destroy')) {
      throw new ShoalError('SHOAL_VM_BUSY', `a ${under} of the VM is under way`, name, 'Wait for its end');
    }
    this.#under.set(vm, change);
    try {
      return await work();
    } finally {
      if (this.#under.get(vm) === change) this.#under.delete(vm);
    }
  }
}
