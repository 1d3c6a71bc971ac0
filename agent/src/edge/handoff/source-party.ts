/** The source's side of one handoff: what its table asks for, done on the VMM, the page server and the records. */
import { type HandoffMessage, movesPages, type VmSpec } from '@shoal/protocol';
import { recordOfTarget, type SourceAnswer } from '../../core/handoff/answers.ts';
import { RESOLVED } from '../../core/handoff/epochs.ts';
import {
  type AnySourceEffect,
  type AnySourceEvent,
  type AnySourceState,
  sourceMachine,
} from '../../core/handoff/machines.ts';
import type { PageStats, Recorded } from '../pages/types.ts';
import type { Vmm, VmmEvent } from '../vmm/types.ts';
import type { JournalEntry } from './journal.ts';
import { Pages, type SessionWants } from './pages.ts';
import { Party, type PartyDeps } from './party.ts';
import { watchProgress } from './progress.ts';
import { QemuSource } from './qemu-source.ts';
import { offerSaid, type SourceWord, sourceSaid } from './said.ts';
import { sessionWants } from './session-wants.ts';
import { SourceVmm } from './source-vmm.ts';
import { sourceOutcome, Timeline } from './timeline.ts';

export type SourceOptions = { prepareTimeoutMs: number; switchTimeoutMs: number; offerTimeoutMs: number };
export type SourceDeps = PartyDeps & {
  /** At moves to this node. */
  recorded(spec: VmSpec): Recorded;
  /** The offer has its answer. */
  answered(result: { accepted: true } | { accepted: false; code: string; detail: string }): void;
};

/** Until the target has said it. */
const NOWHERE = { certSha256: '0'.repeat(64), host: '', port: 0 };
const STREAMING: AnySourceState[] = ['switching', 'switching-done', 'switching-ready'];

export class SourceParty extends Party<AnySourceState, AnySourceEvent, AnySourceEffect, SourceAnswer> {
  readonly timeline = new Timeline();
  readonly #options: SourceOptions;
  readonly #deps: SourceDeps;
  readonly #pages: Pages;
  readonly #vmm: Vmm | undefined;
  readonly #mover: SourceVmm | undefined;
  /** Under QEMU's own post-copy. */
  readonly #qemu: QemuSource | undefined;
  readonly #off: (() => void)[] = [];
  #progress: (() => void) | undefined;
  #ahead = 0;
  #listening: { host: string; port: number; certSha256: string } | undefined;

  constructor(
    state: AnySourceState,
    entry: Omit<JournalEntry, 'record' | 'seq'>,
    options: SourceOptions,
    deps: SourceDeps,
  ) {
    super(sourceMachine(entry.offer.engine), state, entry, deps);
    this.#options = options;
    this.#deps = deps;
    this.#pages = new Pages(entry, deps, this.timeline, {
      up: () => this.dispatch('pages-up'),
      gone: why => this.because(why, 'pages-exit'),
      complete: () => undefined,
      progress: stats => this.#onProgress(stats),
    });
    this.#vmm = deps.vms.get(this.vm)?.vmm;
    this.#mover = this.#vmm && new SourceVmm(this.#vmm, deps.clock);
    if (this.#vmm && this.#mover && entry.offer.engine === 'qemu-postcopy')
      this.#qemu = new QemuSource(this.#vmm, this.#mover, deps.clock, {
        serves: () => this.#serves(),
        paused: () => this.dispatch('stream-paused'),
        failed: why => this.because(why, 'stream-failed'),
      });
    if (this.#vmm) this.#off.push(this.#vmm.on(event => this.#onVmm(event)));
  }

  /** Session directory and key, made before the offer, which names the certificate. */
  take(paths: { certSha256: string; streamSocket: string; uffdSocket: string }): void {
    this.#pages.take(paths);
  }

  /** The VMM of before is not there any more: the table must hear of it like of any other exit. */
  missingVmm(): void {
    if (!this.#vmm) this.dispatch('vmm-exit');
  }

  /** Asks the peer to take the VM. */
  offer(): void {
    this.timeline.mark('offered', this.deps.clock.nowMs());
    this.startDeadline(this.#options.offerTimeoutMs);
    this.say(offerSaid(this.entry.offer));
  }

  hear(message: HandoffMessage): void {
    switch (message.type) {
      case 'refuse':
        this.#deps.answered({ accepted: false, code: message.code, detail: message.detail });
        return this.because(`refused: ${message.code}`, 'refuse');
      case 'listening':
        this.#listening ??= message;
        this.timeline.mark('listening', this.deps.clock.nowMs());
        return this.dispatch('listening');
      case 'not-run':
        return this.because(`the target gave up: ${message.reason}`, 'not-run');
      case 'record':
        return this.dispatch(recordOfTarget(message.state));
      case 'accept':
      case 'ready':
      case 'running':
      case 'transferred':
      case 'ask':
      case 'ended':
        return this.dispatch(message.type);
      default:
        return; // words that only a source says
    }
  }

  override async stop(): Promise<void> {
    for (const off of this.#off) off();
    this.#progress?.();
    await super.stop();
  }

  protected send(word: string): void {
    this.say(
      sourceSaid(word as SourceWord, { record: this.record, epoch: this.entry.offer.epoch, why: this.why }),
    );
  }

  protected entered(state: AnySourceState): void {
    const nowMs = this.deps.clock.nowMs();
    const { timeline } = this;
    if (state === 'w-preparing') {
      timeline.mark('accepted', nowMs);
      this.#deps.answered({ accepted: true });
    }
    // What the guest writes most is looked for while its target prepares, where the order of pages goes by it.
    if (state === 'preparing' && this.entry.offer.engine === 'postcopy' && this.#deps.order === 'hot')
      this.#pages.startEarly(this.#wants(NOWHERE));
    if (state === 'committed') {
      timeline.mark('committed', nowMs);
      this.deps.switched();
    }
    if (state === 'transferring') {
      timeline.mark('run', nowMs);
      void this.#pages.release();
    }
    if (state === 'w-released') timeline.mark('transferred', nowMs);
    if (state === 'w-aborted') this.why ||= 'the target did not answer in time';
    if (!STREAMING.includes(state)) this.#progress?.();
    this.over();
    if (state === 'gone')
      this.#deps.answered({
        accepted: false,
        code: 'silent',
        detail: this.why || 'the target did not answer in time',
      });
  }

  protected over(): void {
    const outcome = sourceOutcome(this.state, this.timeline);
    this.timeline.conclude(outcome, this.deps.clock.nowMs(), this.why || this.restarted);
  }

  #onVmm(event: VmmEvent): void {
    if (event.kind === 'exit') return this.because('the VMM at the source ended', 'vmm-exit');
    if (event.kind === 'stop') this.timeline.mark('stopped', event.atMs);
    if (event.kind !== 'migration') return;
    if (event.status === 'pre-switchover') this.dispatch('pre-switchover');
    else if (event.status === 'completed' && this.#qemu) this.#serves();
    else if (event.status === 'completed') void this.#confirmPostmigrate(event.atMs);
    else if (event.status === 'postcopy-paused') this.dispatch('stream-paused');
    else if (event.status === 'failed' || event.status === 'cancelled')
      this.because(`the migration ${event.status}`, 'stream-failed');
  }

  /** Pages go ahead for as long as they take; only standing still for a whole deadline ends it. */
  #onProgress(stats: PageStats): void {
    if (this.state !== 'connecting' || stats.dataBytes <= this.#ahead) return;
    this.#ahead = stats.dataBytes;
    this.startDeadline(this.#options.prepareTimeoutMs);
  }

  #serves(): void {
    this.timeline.mark('postmigrate', this.deps.clock.nowMs());
    this.dispatch('serves');
  }

  async #confirmPostmigrate(atMs: number): Promise<void> {
    if (!(await this.#mover?.inPostmigrate()))
      return this.because('the VMM resumed by itself', 'stream-failed');
    this.timeline.mark('postmigrate', atMs);
    this.dispatch('postmigrate');
  }

  protected async perform(effect: AnySourceEffect): Promise<void> {
    const { host, vms } = this.#deps;
    const { offer } = this.entry;
    switch (effect) {
      case 'start-deadline':
        return this.startDeadline(
          this.state === 'switching' ? this.#options.switchTimeoutMs : this.#options.prepareTimeoutMs,
        );
      case 'start-pages':
        return this.#startPages();
      case 'restart-pages':
        await this.#pages.again();
        return this.state === 'transferring' ? this.#pages.release() : undefined;
      case 'end-pages':
        return this.#pages.end();
      case 'migrate':
        return this.#migrate();
      case 'start-postcopy':
      case 'look':
      case 'resume-stream':
        return this.#qemu?.perform(effect, this.#pages);
      case 'switch-over':
        if (this.#qemu) return this.#qemu.perform(effect, this.#pages);
        if (movesPages(offer.engine)) await this.#pages.freeze();
        return this.#mustVmm().migrateContinue();
      case 'bring-back':
        return this.#bringBack();
      case 'announce':
        return this.announceGuest(this.#vmm);
      case 'end-vmm':
        if (this.#startedAnew()) return;
        for (const off of this.#off.splice(0)) off();
        return this.#vmm?.end();
      case 'free-ram':
        return this.#startedAnew() ? undefined : host.clean(offer.spec);
      case 'clear-nonces':
        return host.clearDiskNonces(offer.spec);
      case 'report-refused':
        // Its guest may have ended while the offer was out: then it is seen to now.
        if (vms.get(this.vm)) await vms.stays(this.vm, offer.epoch - 1);
        return this.settle();
      case 'report-stays':
        // By the outcome: the peer's last word may have moved the state on meanwhile.
        await vms.stays(this.vm, this.timeline.outcome === 'retaken' ? offer.epoch + 1 : offer.epoch - 1);
        return this.settle();
      case 'report-resolved':
        await vms.startCold(this.vm, offer.epoch + RESOLVED.source);
        return this.settle();
      case 'report-left':
        await vms.left(this.vm);
        return this.settle();
      case 'forget':
        await this.#deps.journal.forget(this.handoff);
        for (const off of this.#off.splice(0)) off();
    }
  }

  protected failed(effect: AnySourceEffect, error: unknown): void {
    const why = (error as Error).message;
    if (effect === 'start-pages') this.because(why, 'pages-exit');
    else if (effect === 'migrate' || effect === 'start-postcopy') this.because(why, 'stream-failed');
    // Under QEMU's own post-copy it has committed by then: the VMM is looked at, nothing is inferred.
    else if (effect === 'switch-over' && !this.#qemu) this.because(why, 'stream-failed');
    else if (effect === 'restart-pages') this.dispatchLater('pages-exit');
  }

  #wants(peer: typeof NOWHERE): SessionWants {
    const { offer } = this.entry;
    return sessionWants('serve', offer, peer, this.#deps.recorded(offer.spec), this.#deps);
  }

  async #startPages(): Promise<void> {
    if (!this.#listening) throw new Error('the target has not said where it listens');
    await this.#pages.start(this.#wants(this.#listening));
  }

  async #migrate(): Promise<void> {
    const vmm = this.#mustVmm();
    await this.#mover?.prepare(this.entry.offer.engine, this.#deps.bulkBytesPerSecond);
    this.timeline.mark('migrate', this.deps.clock.nowMs());
    await vmm.migrate(this.#pages.streamSocket);
    // Rounds of pre-copy take as long as they take; only standing still for a whole deadline ends it.
    if (this.entry.offer.engine === 'precopy')
      this.#progress = watchProgress(vmm, this.deps.clock, () =>
        this.startDeadline(this.#options.switchTimeoutMs),
      );
  }

  async #bringBack(): Promise<void> {
    if (!this.#mover || this.#mover.gone) return this.dispatch('vmm-exit');
    if (await (this.#qemu ?? this.#mover).bringBack()) this.dispatch('guest-runs');
  }

  /** Resolved and started by an earlier life of this agent: that VMM is not the one that is meant. */
  #startedAnew(): boolean {
    return (
      this.state === 'resolved' &&
      this.deps.vms.get(this.vm)?.record.epoch === this.entry.offer.epoch + RESOLVED.source
    );
  }

  #mustVmm(): Vmm {
    if (!this.#vmm) throw new Error('the VMM is gone');
    return this.#vmm;
  }
}
