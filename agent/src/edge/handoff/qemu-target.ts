/**
 * What the target of a handoff by QEMU's own post-copy asks of its VMM. Seen on QEMU 7.2: no event tells that the device
 * state is loaded, only the run state, which leaves `inmigrate` then; `completed` tells that all pages are there.
 */
import { type Clock, sleep } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';

/** The guest stands still on both sides meanwhile: every look late is blackout. */
const LOOK_EVERY_MS = 2;
const LOOK_FOR_MS = 10_000;

export type QemuTargetListener = (event: 'loaded' | 'stream-paused' | 'pages-complete') => void;

export class QemuTarget {
  readonly #vmm: Vmm;
  readonly #clock: Clock;
  readonly #tell: QemuTargetListener;
  #watching = false;

  constructor(vmm: Vmm, clock: Clock, tell: QemuTargetListener) {
    this.#vmm = vmm;
    this.#clock = clock;
    this.#tell = tell;
  }

  async perform(effect: 'look' | 'reopen-stream', streamSocket: string): Promise<void> {
    if (effect === 'reopen-stream') return this.#reopen(streamSocket);
    // A VMM whose main loop waits for a page is deaf (seen): what is to come behind this must not wait with it.
    void this.#look().catch(() => undefined);
  }

  /** What its VMM says of the migration. */
  on(status: string): void {
    if (status === 'postcopy-active') void this.#untilLoaded();
    if (status === 'postcopy-paused') this.#tell('stream-paused');
    if (status === 'completed') this.#tell('pages-complete');
  }

  /**
   * Whether pages are missing, to be asked only once the source has no more to send: a VMM that is deaf because it waits
   * for one of them is asked past its main loop, and what it says there breaks its stream. Rejects where nothing is known.
   */
  async incomplete(streamSocket: string): Promise<boolean> {
    return this.#vmm.migrationStatus().then(
      ({ status }) => status !== 'completed',
      error => this.#waits(streamSocket).then(waits => waits || Promise.reject(error)),
    );
  }

  /** QEMU allows each of these in one part of post-copy only, so that one that is allowed, or was before, tells. */
  async #waits(streamSocket: string): Promise<boolean> {
    const allowed = async (command: string, args?: Record<string, unknown>) =>
      this.#vmm.executeOutOfBand(command, args).then(
        () => true,
        (error: Error) => /triggered already/.test(error.message),
      );
    // In `postcopy-active`; in `postcopy-paused`, where it may listen: there is no source that could come.
    return (
      (await allowed('migrate-pause')) || (await allowed('migrate-recover', { uri: `unix:${streamSocket}` }))
    );
  }

  /** Its VMM has begun with the device state. */
  async #untilLoaded(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const untilMs = this.#clock.nowMs() + LOOK_FOR_MS;
    while (!(await this.#isLoaded().catch(() => true)) && this.#clock.nowMs() < untilMs)
      await sleep(this.#clock, LOOK_EVERY_MS);
    this.#watching = false;
  }

  async #isLoaded(): Promise<boolean> {
    if ((await this.#vmm.runState()) === 'inmigrate') return false;
    this.#tell('loaded');
    return true;
  }

  /** Tells again what a restarted agent has not heard. */
  async #look(): Promise<void> {
    const { status } = await this.#vmm.migrationStatus();
    if (status === 'completed' || status.startsWith('postcopy-')) await this.#isLoaded();
    if (status === 'completed') this.#tell('pages-complete');
    if (status === 'postcopy-paused') this.#tell('stream-paused');
  }

  /**
   * Listens for another stream, past a main loop that may wait for a page of the old one. A VMM that is not paused (any
   * more), or listens already, refuses; that is no fault.
   */
  async #reopen(streamSocket: string): Promise<void> {
    await this.#vmm
      .executeOutOfBand('migrate-recover', { uri: `unix:${streamSocket}` })
      .catch(() => undefined);
  }
}
