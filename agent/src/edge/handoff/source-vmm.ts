/** What the source of a handoff does to its VMM: migrate, prove that it stands still for good, bring the guest back. */
import type { Engine } from '@shoal/protocol';
import { type Clock, sleep } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';

/** How long the VMM may take to stop migrating, by itself or cancelled. */
const SETTLE_MS = 20_000;
/** Until an earlier migration has ended, before this one is given up: its guest runs, so nothing is lost meanwhile. */
const OVER_MS = 5000;
/** A cancel takes some milliseconds; this one hangs. */
const STUCK_MS = 200;
/** The guest stands still meanwhile: a query costs its VMM under 1 ms, a longer wait is blackout. */
const LOOK_EVERY_MS = 2;
/** Stopped by a fault of its own: it stands still here like anywhere. */
const BROKEN = ['io-error', 'guest-panicked', 'internal-error', 'shutdown'];
const MIGRATING = ['setup', 'active', 'pre-switchover', 'device', 'wait-unplug', 'postcopy-active'];
/** A migration that is given up may take its time, with the guest running: until then QEMU refuses another one. */
const UNDER_WAY = [...MIGRATING, 'cancelling'];

export class SourceVmm {
  readonly #vmm: Vmm;
  readonly #clock: Clock;
  #gone = false;

  constructor(vmm: Vmm, clock: Clock) {
    this.#vmm = vmm;
    this.#clock = clock;
    vmm.on(event => {
      this.#gone ||= event.kind === 'exit';
    });
  }

  /** It has ended, perhaps while nobody could do anything about it. */
  get gone(): boolean {
    return this.#gone;
  }

  /**
   * The `completed` event comes a moment before the run state, and only the run state proves that the guest will not
   * resume: `postmigrate`. False: the VMM resumed the guest by itself (handoff.md, *seen*).
   */
  async inPostmigrate(): Promise<boolean> {
    const state = await this.#settled(['postmigrate', 'running']).catch(() => undefined);
    return state === 'postmigrate';
  }

  /** Rejects when an earlier migration of this VMM has not ended in time. `capBytesPerSecond`: of its pages; 0 is no limit. */
  async prepare(engine: Engine, capBytesPerSecond: number): Promise<void> {
    const status = await this.#migrationOver();
    if (status) throw new Error(`the VMM is still busy with an earlier migration: ${status}`);
    await this.#vmm.setCapabilities(engine, 'source', capBytesPerSecond);
  }

  /** Nobody else runs it, by the record: waits until the VMM stands still, then lets the guest go on. True: it runs. */
  async bringBack(): Promise<boolean> {
    const { status } = await this.#vmm.migrationStatus();
    if (MIGRATING.includes(status)) await this.#vmm.migrateCancel();
    // It may stop the guest yet, on its way to the end: until it is over a guest that runs proves nothing.
    if (UNDER_WAY.includes(status) && (await this.#migrationOver())) return false;
    const state = await this.#settled(['running', 'postmigrate', 'paused', ...BROKEN]);
    // A disk without room stopped it (`io-error`): it goes on, or stops again, as without a move.
    if (state === 'postmigrate' || state === 'paused' || state === 'io-error') await this.#vmm.cont();
    return state !== undefined;
  }

  /**
   * What it is still busy with after a while; undefined: nothing. *Seen*: a cancel that comes right when the guest has been
   * stopped for the switch leaves QEMU (7.2, `migration_maybe_pause`) waiting for ever for the word to go on, with the guest
   * stopped. The word is taken in the state `cancelling` too, and one too many is dropped before the next switch.
   */
  async #migrationOver(): Promise<string | undefined> {
    const begunMs = this.#clock.nowMs();
    for (;;) {
      const { status } = await this.#vmm.migrationStatus();
      if (!UNDER_WAY.includes(status)) return undefined;
      const passedMs = this.#clock.nowMs() - begunMs;
      if (passedMs >= OVER_MS) return status;
      if (status === 'cancelling' && passedMs >= STUCK_MS)
        await this.#vmm.migrateContinue('cancelling').catch(() => undefined); // it is over by now
      await sleep(this.#clock, LOOK_EVERY_MS);
    }
  }

  async #settled(wanted: string[]): Promise<string | undefined> {
    const untilMs = this.#clock.nowMs() + SETTLE_MS;
    while (this.#clock.nowMs() < untilMs) {
      const state = await this.#vmm.runState();
      if (wanted.includes(state)) return state;
      await sleep(this.#clock, LOOK_EVERY_MS);
    }
    return undefined;
  }
}
