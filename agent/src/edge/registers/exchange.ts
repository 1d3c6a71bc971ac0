/**
 * Anti-entropy: two nodes that have just been connected, and one pair a while later again and again, bring each other's
 * registers to the union (Demers et al. 1987, push-pull; protocol/README.md, Registers). Until that is done with whom
 * this node is connected to, it does not act by the rule: it may have missed a pause, or its own removal.
 */
import { decodeExchange, encodeExchange, REGISTER_PAGE_MAX, type ToldRegister } from '@shoal/protocol';
import { Rates } from '../../core/rate.ts';
import { type Clock, every } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Registers } from './registers.ts';

/** A peer that has not answered by then does not hold this node up any longer; it will be asked again. */
const ANSWER_MS = 5_000;
/** One that was waited for in vain is not waited for again so soon: who comes and goes unheard must not stop the rule. */
const PATIENCE_MS = 300_000;
/** Asked again meanwhile: the first digest may have come before the other end listened. */
const AGAIN_MS = 1_000;
/** One peer after the other. What gossip lost is mended within this times the number of peers, mostly far sooner. */
const IDLE_MS = 30_000;
/** A digest costs its receiver pages; more of them are not answered. */
const DIGESTS = { burst: 8, perSecond: 1 };
/** Signatures to check (0.1 ms each) and writes to sync: all that may be kept for 16 nodes at once, then little. */
const REGISTERS = { burst: 2048, perSecond: 16 };

export type ExchangeDeps = {
  registers: Registers;
  peers(): string[];
  send(peer: string, frame: Uint8Array): Promise<void>;
  blame(peer: string): void;
  clock: Clock;
  log: Logger;
};

export class Exchange {
  readonly #deps: ExchangeDeps;
  /** Peers whose answer is waited for, and how long. */
  readonly #waiting = new Map<string, number>();
  readonly #owing = new Set<string>();
  /** Peers that were waited for in vain, until when nobody waits for them. */
  readonly #mute = new Map<string, number>();
  readonly #digests = new Rates(DIGESTS.burst, DIGESTS.perSecond);
  readonly #checks = new Rates(REGISTERS.burst, REGISTERS.perSecond);
  readonly #startedAtMs: number;
  readonly #stops: (() => void)[];
  #everAnswered = false;
  #turn = 0;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
    this.#startedAtMs = deps.clock.nowMs();
    this.#stops = [
      every(deps.clock, AGAIN_MS, () => this.#again(), 'idle'),
      every(deps.clock, IDLE_MS, () => this.#idle(), 'idle'),
    ];
    for (const peer of deps.peers()) this.up(peer);
  }

  up(peer: string): void {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs >= (this.#mute.get(peer) ?? 0)) this.#waiting.set(peer, nowMs + ANSWER_MS);
    else this.#owing.add(peer);
    this.#ask(peer);
  }

  /** Something of this peer was passed over: it is asked for all of it before long. */
  owes(peer: string): void {
    this.#owing.add(peer);
  }

  down(peer: string): void {
    this.#inVain(peer);
    this.#owing.delete(peer);
  }

  /** It is no member any more. What was counted against it is kept until then: connecting anew must not wipe it out. */
  removed(peer: string): void {
    this.#digests.forget(peer);
    this.#checks.forget(peer);
  }

  /** Whether this node knows what its peers know, or has waited for them long enough. */
  settled(): boolean {
    const nowMs = this.#deps.clock.nowMs();
    for (const untilMs of this.#waiting.values()) if (nowMs < untilMs) return false;
    const alone = this.#deps.registers.members().every(m => m.id === this.#deps.registers.self);
    return alone || this.#everAnswered || nowMs - this.#startedAtMs >= ANSWER_MS;
  }

  /** A frame of a connected member. What is not understood is dropped. */
  frame(peer: string, bytes: Uint8Array): void {
    const decoded = decodeExchange(bytes);
    if (!decoded.ok) {
      this.#deps.log.warn({ event: 'exchange-refused', peer, fault: decoded.fault }, 'exchange refused');
      this.#deps.blame(peer);
      return;
    }
    const message = decoded.value;
    if (message.type === 'register-page') this.#page(peer, message.registers);
    else this.#digest(peer, message.buckets, message.answer);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #page(peer: string, registers: ToldRegister[]): void {
    for (const register of registers) {
      if (!this.#checks.take(peer, this.#deps.clock.nowMs())) return;
      if (this.#deps.registers.take(register) !== 'forged') continue;
      const { key, author } = register;
      this.#deps.log.warn({ event: 'register-forged', peer, key, author }, 'a forged register, page dropped');
      this.#deps.blame(peer);
      return;
    }
  }

  #digest(peer: string, theirs: readonly string[], answer: boolean): void {
    if (answer) {
      this.#waiting.delete(peer);
      this.#mute.delete(peer);
      this.#everAnswered = true;
    }
    if (!this.#digests.take(peer, this.#deps.clock.nowMs())) return;
    void this.#answer(peer, theirs, answer).catch(error => this.#unsent(peer, error));
  }

  async #answer(peer: string, theirs: readonly string[], answer: boolean): Promise<void> {
    const { registers, send } = this.#deps;
    const told = registers.table.differing(theirs).map(held => registers.told(held));
    for (let i = 0; i < told.length; i += REGISTER_PAGE_MAX) {
      const page = told.slice(i, i + REGISTER_PAGE_MAX);
      await send(peer, encodeExchange({ type: 'register-page', registers: page }));
    }
    if (!answer) await send(peer, this.#own(true));
  }

  #own(answer: boolean): Uint8Array {
    const buckets = this.#deps.registers.table.buckets();
    return encodeExchange({ type: 'register-digest', answer, buckets });
  }

  #ask(peer: string): void {
    this.#deps.send(peer, this.#own(false)).catch(error => this.#unsent(peer, error));
  }

  #inVain(peer: string): void {
    if (this.#waiting.delete(peer)) this.#mute.set(peer, this.#deps.clock.nowMs() + PATIENCE_MS);
  }

  #again(): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const [peer, untilMs] of this.#waiting) {
      if (nowMs >= untilMs) this.#inVain(peer);
      else this.#ask(peer);
    }
    for (const peer of this.#owing) this.#ask(peer);
    this.#owing.clear();
  }

  #idle(): void {
    const peers = this.#deps.peers().sort();
    const peer = peers[this.#turn++ % Math.max(1, peers.length)];
    if (peer !== undefined) this.#ask(peer);
  }

  #unsent(peer: string, error: unknown): void {
    this.#deps.log.debug({ event: 'exchange-unsent', peer, error: String(error) }, 'no exchange with a peer');
  }
}
