/**
 * What the source of a handoff by QEMU's own post-copy does to its VMM. Facts by which it goes, seen on QEMU 7.2:
 * a stream that breaks before the device state is out leaves the VMM in `postmigrate` with its migration `failed`, from
 * where `cont` works; one that breaks later leaves it `postcopy-paused`, which it only leaves over another stream.
 */
import { type Clock, sleep } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';
import type { Pages } from './pages.ts';
import type { SourceVmm } from './source-vmm.ts';

/** Until the VMM is seen to serve: the target's word to run waits for it, so every look late is blackout. */
const LOOK_EVERY_MS = 2;
/** Then the looks of each tick have to do. */
const LOOK_FOR_MS = 10_000;
/**
 * From the break of a stream to the next one. A QEMU hears of it before its page server has the next link, and a recovery
 * over the one that is about to go would hang for ever (docs/design/qemu-postcopy.md). A guest that stands waits so long more.
 */
const RESUME_AFTER_MS = 500;
const OVER = ['failed', 'cancelled', 'cancelling', 'none'];

export type QemuSourceListener = {
  serves(): void;
  paused(): void;
  failed(why: string): void;
};

export class QemuSource {
  readonly #vmm: Vmm;
  readonly #mover: SourceVmm;
  readonly #clock: Clock;
  readonly #listener: QemuSourceListener;
  #watching = false;
  #resuming = false;

  constructor(vmm: Vmm, mover: SourceVmm, clock: Clock, listener: QemuSourceListener) {
    this.#vmm = vmm;
    this.#mover = mover;
    this.#clock = clock;
    this.#listener = listener;
  }

  async perform(
    effect: 'start-postcopy' | 'switch-over' | 'look' | 'resume-stream',
    pages: Pick<Pages, 'linked' | 'streamSocket'>,
  ): Promise<void> {
    if (effect === 'start-postcopy') await this.#vmm.execute('migrate-start-postcopy');
    if (effect === 'switch-over') await this.#switchOver();
    if (effect === 'look') await this.#look();
    // What is to come behind this must not wait with it.
    if (effect === 'resume-stream') void this.#resumeSoon(pages).catch(() => undefined);
  }

  async #resumeSoon(pages: Pick<Pages, 'linked' | 'streamSocket'>): Promise<void> {
    if (this.#resuming) return;
    this.#resuming = true;
    try {
      await sleep(this.#clock, RESUME_AFTER_MS);
      // Over a link that is down the recovery would only break again; the next look tries anew.
      if (pages.linked) await this.#resume(pages.streamSocket);
    } finally {
      this.#resuming = false;
    }
  }

  /** Lets the device state go, unless an earlier life of this agent has; then tells of what becomes of it. */
  async #switchOver(): Promise<void> {
    const { status } = await this.#vmm.migrationStatus();
    if (status === 'pre-switchover') await this.#vmm.migrateContinue();
    void this.#watch();
  }

  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const untilMs = this.#clock.nowMs() + LOOK_FOR_MS;
    while (!(await this.#look().catch(() => true)) && this.#clock.nowMs() < untilMs)
      await sleep(this.#clock, LOOK_EVERY_MS);
    this.#watching = false;
  }

  /**
   * True once it is known what became of the switch. `postcopy-active` alone comes before the device state is sent: only
   * pages sent after it prove that the VMM is past the point from which it could still fail and resume.
   */
  async #look(): Promise<boolean> {
    const { status, raw } = await this.#vmm.migrationStatus();
    const sent = Number((raw.ram as { 'postcopy-bytes'?: number } | undefined)?.['postcopy-bytes'] ?? 0);
    if (status === 'postcopy-paused') this.#listener.paused();
    else if (
      status === 'completed' ||
      status === 'postcopy-recover' ||
      (status === 'postcopy-active' && sent > 0)
    )
      this.#listener.serves();
    else if (OVER.includes(status)) this.#listener.failed(`the migration is ${status}`);
    else return false;
    return true;
  }

  /** Goes on over a new connection to the page server. A VMM that is not paused (any more) needs none. */
  async #resume(streamSocket: string): Promise<void> {
    const { status } = await this.#vmm.migrationStatus();
    if (status === 'postcopy-paused')
      await this.#vmm.execute('migrate', { uri: `unix:${streamSocket}`, resume: true });
  }

  /**
   * The target has proven that it never ran the guest. True: it runs here. In the middle of post-copy QEMU refuses `cont`
   * for ever: such a VMM is ended, and its exit tells the rest. Not by the migration's status alone, which may still be
   * that of the move by which a running guest came here.
   */
  async bringBack(): Promise<boolean> {
    const [{ status }, state] = [await this.#vmm.migrationStatus(), await this.#vmm.runState()];
    if (state !== 'finish-migrate' || !status.startsWith('postcopy-')) return this.#mover.bringBack();
    await this.#vmm.end();
    return false;
  }
}
