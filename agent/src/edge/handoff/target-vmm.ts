/** Lets the guest run on the target, and tells what came of it by the VMM's run state, never by the refusal alone. */
import type { Clock } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';

const CONT_SETTLE_MS = 1000;

/** `unknown`: neither refused nor seen running yet; asked again with the next tick. */
export type ContResult =
  | { kind: 'running' }
  | { kind: 'unknown' }
  | { kind: 'refused'; neverRan: boolean; why: string };

export class TargetVmm {
  readonly #vmm: Vmm;
  readonly #clock: Clock;
  /** True when this life of the agent has seen the VMM from its start: only then is "it never ran" known. */
  readonly #seenFromStart: boolean;
  #everRan = false;

  constructor(vmm: Vmm, clock: Clock, seenFromStart: boolean) {
    this.#vmm = vmm;
    this.#clock = clock;
    this.#seenFromStart = seenFromStart;
  }

  /** A RESUME event: whatever is refused later, this guest has executed here. */
  ran(): void {
    this.#everRan = true;
  }

  /**
   * `cont` is refused where the disk's lock is held elsewhere. A guest that ran, stopped on an I/O error and was
   * refused `cont` looks the same from there, so that only the run state tells (handoff.md, `not-run`).
   */
  async cont(): Promise<ContResult> {
    try {
      await this.#vmm.cont();
    } catch (error) {
      const state = await this.#vmm.runState();
      const neverRan = this.#seenFromStart && !this.#everRan && state === 'paused';
      return { kind: 'refused', neverRan, why: (error as Error).message };
    }
    const untilMs = this.#clock.nowMs() + CONT_SETTLE_MS;
    do {
      if ((await this.#vmm.runState()) === 'running') return { kind: 'running' };
    } while (this.#clock.nowMs() < untilMs);
    return { kind: 'unknown' };
  }
}
