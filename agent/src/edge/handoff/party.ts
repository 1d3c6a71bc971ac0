/**
 * Runs one side of one handoff: an event steps the pure table at once, the effects of that step are carried out one
 * after the other behind those of earlier steps. So a slow effect never delays a decision, and no two effects of a
 * handoff overlap (the RAM file is freed after its VMM has ended, not meanwhile).
 */
import type { HandoffMessage } from '@shoal/protocol';
import { type Stepped, step } from '../../core/handoff/cells.ts';
import type { Machine } from '../../core/handoff/machines.ts';
import { type Clock, sleep } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { PageServers, PageWishes } from '../pages/types.ts';
import type { VmHost, Vmm } from '../vmm/types.ts';
import type { Vms } from '../vms/vms.ts';
import type { Journal, JournalEntry } from './journal.ts';
import type { Said, Words } from './words.ts';

/** A lost message costs one of these; each unanswered resend doubles it. */
const RESEND_FIRST_MS = 250;
const RESEND_MAX_MS = 5000;
/** Settled, so that only a record waits: a fifth of the silence so far, since a link may be cut; a peer may never answer. */
const RESEND_SETTLED = { share: 0.2, maxMs: 60_000 };
/** Doubt that a message ends within a moment is no doubt that people should see. */
const DOUBT_SHOWN_MS = 3000;
/** A peer that lives answers each resend. */
const SILENT_MS = 3 * RESEND_MAX_MS;
/** Who owns a VM, and what may be forgotten: what comes behind these effects stands on them, so they are tried again. */
const MUST_HAPPEN = /^(report-|release-reservation$|forget$)/;
const AGAIN_MS = 1000;

export type PartyDeps = {
  journal: Journal;
  clock: Clock;
  log: Logger;
  changed(): void;
  /** The guest has just stopped here for good, or runs here from now on. */
  switched(): void;
  /** All is settled on this side; only the peer's last word may be missing. */
  finished(): void;
  words: Words;
  host: VmHost;
  vms: Vms;
  pageServers: PageServers;
  vmmUid: number;
} & Required<PageWishes>;

export abstract class Party<S extends string, V extends string, E extends string, A extends string> {
  readonly role: 'source' | 'target';
  readonly entry: Omit<JournalEntry, 'record' | 'seq'>;
  /** Why it ends as it does, when no better reason comes: what the life before knew is gone with it. */
  protected restarted = '';
  /** Why it ends as it does; the first reason counts. */
  protected why = '';
  protected readonly deps: PartyDeps;
  readonly #machine: Machine<S, V, E, A>;
  #state: S;
  #stateSinceMs: number;
  #effects: Promise<void> = Promise.resolve();
  /** Some effect is not carried out yet: one that must happen is tried again until it is. */
  busy = false;
  #pending = new Map<E, number>();
  /** What the peer said last to this life of the agent. */
  lastWord = { word: '', atMs: 0 };
  #seq = 0;
  #wanted = '';
  #resend = (): void => undefined;
  #resendMs = RESEND_FIRST_MS;
  #deadline = (): void => undefined;
  #stopped = false;

  constructor(
    machine: Machine<S, V, E, A>,
    state: S,
    entry: Omit<JournalEntry, 'record' | 'seq'>,
    deps: PartyDeps,
  ) {
    this.role = entry.role;
    this.entry = entry;
    this.deps = deps;
    this.#machine = machine;
    this.#state = state;
    this.#stateSinceMs = deps.clock.nowMs();
    this.#armResend();
  }

  get state(): S {
    return this.#state;
  }
  /** The newest record that this state stands for; `none` before the first. */
  get record(): string {
    return this.#machine.record(this.#state);
  }
  get handoff(): string {
    return this.entry.handoff;
  }
  get vm(): string {
    return this.entry.offer.spec.vm;
  }
  get stateAgeMs(): number {
    return this.deps.clock.nowMs() - this.#stateSinceMs;
  }
  get inDoubt(): boolean {
    if (this.#machine.inDoubt(this.#state)) return this.stateAgeMs > DOUBT_SHOWN_MS;
    const silentMs = Math.min(this.stateAgeMs, this.deps.clock.nowMs() - this.lastWord.atMs);
    return this.#machine.waits(this.#state) && silentMs > SILENT_MS;
  }
  get ended(): boolean {
    return this.#state === 'gone';
  }

  /** Steps the table and queues what it asks for. Does nothing after `stop`. */
  dispatch(event: V): void {
    if (this.#stopped) return;
    const before = this.#state;
    const stepped: Stepped<S, E> = step(this.#machine.table, before, event);
    this.#state = stepped.state;
    if (stepped.answer) this.tell();
    if (stepped.state !== before) {
      this.#stateSinceMs = this.deps.clock.nowMs();
      this.deps.log.debug({ ...this.about(), event, from: before, to: stepped.state }, 'handoff step');
      this.#resendMs = RESEND_FIRST_MS;
      this.#armResend();
      this.entered(stepped.state);
    }
    for (const effect of stepped.effects) this.queue(effect);
    if (this.ended) this.#quiet();
    if (stepped.state !== before) this.deps.changed();
  }

  /** One message of the peer, to this life of the agent. */
  heard(message: HandoffMessage): void {
    const { type } = message;
    const word = type === 'record' ? `record ${message.state}` : type;
    this.lastWord = { word, atMs: this.deps.clock.nowMs() };
    this.hear(message);
  }

  cancel(): void {
    this.because('cancelled', 'cancel' as V);
  }

  /** The operator's word that the other side is off. */
  resolve(why: string): void {
    this.why = why;
    this.dispatch('resolve' as V);
  }

  protected because(why: string, event: V): void {
    this.why ||= why;
    this.dispatch(event);
  }

  protected say(said: Said): void {
    this.deps.words.say(this.entry.peer, this.handoff, this.vm, said);
  }

  /** Says where this side stands, and changes nothing. */
  tell(): void {
    this.send(this.#machine.answer(this.#state));
  }

  /** Carries `effects` out in `state`, which a restarted agent reads from its journal. */
  resume(record: string, seq: number, effects: E[]): void {
    this.#wanted = record;
    this.#seq = seq;
    this.restarted = `the agent was started again after "${record}" was written`;
    // Final already: no step will say how it ended.
    if (effects.length > 0 && this.#state === record) this.over();
    for (const effect of effects) this.queue(effect);
  }

  /** Makes sure that no later life of this agent carries this handoff out again, then tells that it is over here. */
  protected async settle(): Promise<void> {
    this.entry.settled = true;
    // Without a record there is nothing that a later life could read.
    if (this.#wanted) {
      this.#seq += 1;
      await this.deps.journal.write({ ...this.entry, record: this.#wanted, seq: this.#seq });
    }
    this.deps.finished();
  }

  /** Ends timers; what is under way in the world goes on, and a new agent finds it in the journal. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#quiet();
    await this.#effects;
  }

  protected queue(effect: E): void {
    // A repeated effect that still waits or runs is not piled up.
    if (this.#pending.has(effect)) return;
    this.#pending.set(effect, 1);
    const done = this.#effects.then(async () => {
      this.#pending.delete(effect);
      if (this.#machine.onlyIn[effect]?.includes(this.#state) === false) return;
      while (!this.#stopped && !(await this.#tried(effect))) await sleep(this.deps.clock, AGAIN_MS);
      if (this.#effects === done) this.busy = false;
    });
    this.busy = true;
    this.#effects = done;
  }

  /** False when it failed and must be tried again. */
  async #tried(effect: E): Promise<boolean> {
    try {
      await this.#perform(effect);
      return true;
    } catch (error) {
      this.deps.log.warn({ ...this.about(), effect, error: String(error) }, 'handoff effect failed');
      if (MUST_HAPPEN.test(effect)) return false;
      this.failed(effect, error);
      return true;
    }
  }

  async #perform(effect: E): Promise<void> {
    if (effect.startsWith('write-')) {
      if (effect !== 'write-again') this.#wanted = effect.slice('write-'.length);
      await this.#write(this.#wanted);
    } else if (effect.startsWith('send-')) this.send(effect.slice('send-'.length));
    else await this.perform(effect);
  }

  async #write(record: string): Promise<void> {
    this.#seq += 1;
    try {
      await this.deps.journal.write({ ...this.entry, record, seq: this.#seq });
    } catch (error) {
      this.deps.log.error({ ...this.about(), record, error: String(error) }, 'handoff record not written');
      this.dispatch('write-failed' as V);
      return;
    }
    // An abort that came while this was being written waits for a record of its own.
    if (this.#wanted === record && this.awaits(record)) this.dispatch('written' as V);
  }

  /** What could not be done now is tried again as if it had just been asked for. */
  protected dispatchLater(event: V): void {
    this.deps.clock.after(AGAIN_MS, () => this.dispatch(event), 'idle');
  }

  /** Waits for nothing: a VMM that lacks a page does not answer, and the peer must hear meanwhile that the guest runs. */
  protected announceGuest(vmm: Vmm | undefined): void {
    vmm?.announceSelf().catch(error => {
      this.deps.log.warn({ ...this.about(), error: String(error) }, 'the guest was not announced');
    });
  }

  protected startDeadline(ms: number): void {
    this.stopDeadline();
    this.#deadline = this.deps.clock.after(ms, () => this.dispatch('deadline' as V));
  }

  protected stopDeadline(): void {
    this.#deadline();
  }

  #armResend(): void {
    this.#resend();
    if (this.#stopped) return;
    this.#resend = this.deps.clock.after(this.#resendMs, () => {
      this.#resendMs = Math.min(this.#resendMaxMs, this.#resendMs * 2);
      this.#armResend();
      this.dispatch('resend' as V);
    });
  }

  get #resendMaxMs(): number {
    const { share, maxMs } = RESEND_SETTLED;
    const slowMs = this.entry.settled ? this.stateAgeMs * share : 0;
    return Math.max(RESEND_MAX_MS, Math.min(maxMs, slowMs));
  }

  #quiet(): void {
    this.#resend();
    this.stopDeadline();
  }

  protected about(): object {
    const { handoff, role, peer, offer } = this.entry;
    return { handoff, role, peer, vm: offer.spec.name };
  }

  /** Whether the present state waits for exactly that record. */
  protected awaits(record: string): boolean {
    return this.#state === `w-${record}`;
  }

  abstract hear(message: HandoffMessage): void;
  protected abstract send(word: string): void;
  protected abstract entered(state: S): void;
  /** Notes how it ended, once the state says so. */
  protected abstract over(): void;
  protected abstract perform(effect: E): Promise<void>;
  protected abstract failed(effect: E, error: unknown): void;
}
