/** The target's side of one handoff: what its table asks for, done on the VMM, the page server and the records. */
import { type HandoffMessage, movesPages } from '@shoal/protocol';
import { recordOfSource, type TargetAnswer } from '../../core/handoff/answers.ts';
import { isGivenUp, RESOLVED } from '../../core/handoff/epochs.ts';
import {
  type AnyTargetEffect,
  type AnyTargetEvent,
  type AnyTargetState,
  targetMachine,
} from '../../core/handoff/machines.ts';
import type { Verdict } from '../../core/judge-offer.ts';
import type { PageStats } from '../pages/types.ts';
import { lastLine } from '../vmm/launch.ts';
import type { Vmm, VmmEvent } from '../vmm/types.ts';
import type { JournalEntry } from './journal.ts';
import { Pages } from './pages.ts';
import { Party } from './party.ts';
import { QemuTarget } from './qemu-target.ts';
import { refusal, type TargetWord, targetSaid } from './said.ts';
import { sessionWants } from './session-wants.ts';
import type { Luggage, TargetDeps, TargetOptions } from './target-deps.ts';
import { TargetVmm } from './target-vmm.ts';
import { TARGET_STAGES, Timeline, targetOutcome } from './timeline.ts';

/** A sentence of the protocol has room for more; it may be of a hostile VMM. */
const LAST_WORDS_MAX = 160;

export class TargetParty extends Party<AnyTargetState, AnyTargetEvent, AnyTargetEffect, TargetAnswer> {
  readonly timeline = new Timeline();
  readonly #options: TargetOptions;
  readonly #deps: TargetDeps;
  readonly #pages: Pages;
  #vmm: Vmm | undefined;
  #off: (() => void) | undefined;
  #runner: TargetVmm | undefined;
  /** Under QEMU's own post-copy. */
  #qemu: QemuTarget | undefined;
  #complete = false;
  #lost = false;
  #came = 0;
  #listensAt: { host: string; port: number; certSha256: string } | undefined;
  #verdict: Verdict | undefined;
  reserved = true;

  constructor(
    state: AnyTargetState,
    entry: Omit<JournalEntry, 'record' | 'seq'>,
    options: TargetOptions,
    deps: TargetDeps,
  ) {
    super(targetMachine(entry.offer.engine), state, entry, deps);
    this.#options = options;
    this.#deps = deps;
    this.#pages = new Pages(entry, deps, this.timeline, {
      up: () => undefined,
      gone: why => this.because(why, 'pages-exit'),
      complete: stats => this.#onComplete(stats),
      progress: stats => this.#onProgress(stats),
    });
    this.timeline.mark('offered', deps.clock.nowMs());
  }

  judged(verdict: Verdict): void {
    this.#verdict = verdict;
    if (!verdict.ok) this.why = `${verdict.code}: ${verdict.detail}`;
    this.dispatch(verdict.ok ? 'judged-yes' : 'judged-no');
  }

  /** After a restart of the agent: the VMM of before, if it lives. */
  adopted(vmm: Vmm | undefined): void {
    if (vmm) this.#attach(vmm, false);
  }

  missingVmm(): void {
    if (!this.#vmm) this.because('the VMM is gone', 'vmm-exit');
  }

  hear(message: HandoffMessage): void {
    switch (message.type) {
      case 'abort':
        return this.because(`the source gave up: ${message.reason}`, 'abort');
      case 'record':
        return this.dispatch(recordOfSource(message.state));
      case 'run':
      case 'ask':
      case 'ended':
        return this.dispatch(message.type);
      default:
        return; // words that only a target says; a repeated offer
    }
  }

  override async stop(): Promise<void> {
    this.#off?.();
    await super.stop();
  }

  protected send(word: string): void {
    if (word === 'refuse') this.say(refusal(this.#verdict, this.why));
    else if (word !== 'listening')
      this.say(
        targetSaid(word as TargetWord, {
          record: this.record,
          epoch: this.entry.offer.epoch,
          why: this.why,
        }),
      );
    else if (this.#listensAt) this.say({ type: 'listening', ...this.#listensAt });
  }

  protected entered(state: AnyTargetState): void {
    const stage = TARGET_STAGES[state];
    if (stage) this.timeline.mark(stage, this.deps.clock.nowMs());
    if (state === 'running') this.deps.switched();
    if (state === 'lost') this.#lost = true;
    if (state === 'w-not-run') this.why ||= 'nothing more came of it in time';
    this.over();
  }

  protected over(): void {
    const outcome = targetOutcome(this.state, this.#lost, this.timeline);
    this.timeline.conclude(outcome, this.deps.clock.nowMs(), this.why || this.restarted);
  }

  protected async perform(effect: AnyTargetEffect): Promise<void> {
    const { offer } = this.entry;
    const { host, vms, luggage } = this.#deps;
    switch (effect) {
      case 'prepare':
        return this.#prepare();
      case 'start-deadline':
        return this.startDeadline(this.#options.reservationMs);
      case 'stop-deadline':
        return this.stopDeadline();
      case 'cont':
        return this.#cont();
      case 'announce':
        return this.announceGuest(this.#vmm);
      case 'restart-pages':
        await this.#pages.again();
        // It may have been lost sight of when it was to hear that.
        return this.state === 'running' ? this.#pages.resumed() : undefined;
      case 'end-pages':
        return this.#pages.end();
      case 'ask-pages':
        return this.#askPages();
      case 'look':
      case 'reopen-stream':
        return this.#qemu?.perform(effect, this.#pages.streamSocket);
      case 'end-vmm':
        await this.#vmm?.end();
        return this.missingVmm();
      case 'drop-vm':
        // Resolved and started anew by an earlier life of this agent: that VMM is not the one that is meant.
        if (this.state === 'resolved' && vms.get(this.vm)?.record.epoch === offer.epoch + RESOLVED.target)
          return;
        this.#off?.();
        await this.#vmm?.end();
        return host.clean(offer.spec);
      case 'release-reservation':
        this.reserved = false;
        // A guest that ended before this was settled: nobody has looked at that yet.
        if (this.state !== 'resolved' && vms.get(this.vm)?.record.epoch === offer.epoch)
          await vms.stays(this.vm, offer.epoch);
        return this.settle();
      case 'report-gained':
        return this.#gained(this.#vmm, luggage(this.vm, this.entry.peer));
      case 'report-lost':
        return this.#gained(undefined, luggage(this.vm, this.entry.peer));
      case 'report-memory-lost':
        return vms.memoryLost(this.vm);
      case 'report-resolved':
        await this.#gained(undefined, { backoffLevel: 0, backoffMs: 0, pinned: false });
        return vms.startCold(this.vm, offer.epoch + RESOLVED.target);
      case 'report-left':
        if (isGivenUp(vms.get(this.vm)?.record.epoch ?? offer.epoch, offer.epoch)) await vms.left(this.vm);
        return;
      case 'report-healthy':
        return this.deps.changed();
      case 'forget':
        this.#off?.();
        await this.#deps.journal.forget(this.handoff);
    }
  }

  protected failed(effect: AnyTargetEffect, error: unknown): void {
    const why = (error as Error).message;
    if (effect === 'prepare') this.because(why, 'prepare-failed');
    else if (effect === 'restart-pages') this.dispatchLater('pages-exit');
  }

  async #gained(vmm: Vmm | undefined, from: Luggage & { pinned?: boolean }): Promise<void> {
    const { spec, epoch, reason } = this.entry.offer;
    // Recovered: it is known already.
    if (this.entry.gained || (this.#deps.vms.get(this.vm)?.record.epoch ?? -1) >= epoch) return;
    await this.#deps.vms.gained(spec, epoch, vmm, { pinned: reason === 'manual', ...from });
  }

  async #prepare(): Promise<void> {
    const { offer } = this.entry;
    const certSha256 = await this.#pages.init();
    const self = { certSha256: offer.certSha256, host: this.#options.address, port: 0 };
    await this.#pages.start(sessionWants('fetch', offer, self, undefined, this.#deps));
    const at = await this.#pages.listening();
    const vmm = await this.#deps.host.startIncoming(
      offer.spec,
      offer.engine,
      movesPages(offer.engine) ? this.#pages.uffdSocket : undefined,
    );
    this.#attach(vmm, true);
    await vmm.setCapabilities(offer.engine, 'target');
    await vmm.incoming(this.#pages.streamSocket);
    this.#listensAt = { ...at, certSha256 };
    this.dispatch('prepared');
  }

  #attach(vmm: Vmm, seenFromStart: boolean): void {
    this.#vmm = vmm;
    this.#runner = new TargetVmm(vmm, this.deps.clock, seenFromStart);
    if (this.entry.offer.engine === 'qemu-postcopy')
      this.#qemu = new QemuTarget(vmm, this.deps.clock, event =>
        event === 'pages-complete' ? this.#allThere() : this.dispatch(event),
      );
    this.#off = vmm.on(event => this.#onVmm(event));
  }

  #onVmm(event: VmmEvent): void {
    if (event.kind === 'exit') return this.because('the VMM at the target ended', 'vmm-exit');
    if (event.kind === 'resume') {
      this.#runner?.ran();
      this.timeline.mark('resumed', event.atMs);
    }
    if (event.kind !== 'migration') return;
    if (event.status === 'active') this.timeline.mark('migrate', event.atMs);
    if (event.status === 'failed') this.because(this.#couldNotLoad(), 'load-failed');
    else if (!this.#qemu && event.status === 'completed') this.dispatch('loaded');
    else if (event.status === 'active' && this.#qemu) this.dispatch('stream-begun');
    else this.#qemu?.on(event.status);
  }

  /** QEMU says why on its log only, right before it says that it failed. */
  #couldNotLoad(): string {
    const words = lastLine(this.#deps.host.paths(this.entry.offer.spec).log);
    const plain = words.replace(/[^ -~]/g, '?').slice(-LAST_WORDS_MAX);
    return `the target could not load the state${plain && `: ${plain}`}`;
  }

  async #cont(): Promise<void> {
    const result = await this.#runner?.cont();
    if (!result) return this.dispatch('vmm-exit');
    if (result.kind === 'refused') {
      this.why = `cont was refused: ${result.why}`;
      return this.dispatch(result.neverRan ? 'cont-refused-never-ran' : 'cont-refused');
    }
    if (result.kind === 'unknown') return;
    this.timeline.mark('resumed', this.deps.clock.nowMs());
    this.dispatch('cont-ok');
    this.#pages.resumed().catch(() => undefined);
    if (this.entry.offer.engine === 'precopy' || this.#complete) this.#transferred();
  }

  #onComplete(stats: PageStats): void {
    this.#deps.record(this.entry.offer.spec, stats);
    this.#allThere();
  }

  #allThere(): void {
    this.#complete = true;
    this.#transferred();
  }

  /** The source has no more to send. What is missing now is missing for ever; no answer yet: asked with the next word. */
  async #askPages(): Promise<void> {
    const paged = movesPages(this.entry.offer.engine);
    if ((paged && (await this.#pages.missing())) || (await this.#qemu?.incomplete(this.#pages.streamSocket)))
      this.because('the memory of the VM went with its source', 'pages-lost');
  }

  #transferred(): void {
    if (this.state !== 'running') return; // a small guest is complete before it runs
    this.timeline.mark('transferred', this.deps.clock.nowMs());
    this.dispatch('pages-complete');
  }

  /** Its stream still flows, or the pages that go ahead of it: the reservation holds. */
  #onProgress(stats: PageStats): void {
    const came = stats.streamBytes + stats.dataBytes;
    if (this.state !== 'loading' || came <= this.#came) return;
    this.#came = came;
    this.startDeadline(this.#options.reservationMs);
  }
}
