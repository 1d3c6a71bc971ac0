/**
 * This node's own way to sleep: when, whose leave it has, what follows (docs/decisions/0026). Facts and time come in with every
 * tick, effects go out; the table decides. Pure.
 */
import { type PowerEffect, type PowerEvent, type PowerState, powerStep } from './table.ts';

export type OwnOptions = {
  /** On the rule's list for so long before it sleeps: slow, since a wake costs more than a minute awake. */
  slowMs: number;
  /** From closed to empty. */
  drainMs: number;
  /** For every answer to a farewell. */
  answerMs: number;
  /** After a try that failed, doubled each time. */
  restMs: number;
  restMaxMs: number;
};

export type OwnFacts = {
  nowMs: number;
  /** The rule does not need this node awake, and this node may act on that by itself. */
  listed: boolean;
  /** No VM runs or is coming, no handoff is under way. */
  empty: boolean;
  /** Members that are neither removed nor asleep, without this one. */
  members: readonly string[];
};

/** A person's wish; none: by the rule. */
export type Asked = { isManual: true; test: boolean };

export type OwnEffect = { effect: PowerEffect; why: string };

export class OwnPower {
  readonly #options: OwnOptions;
  #state: PowerState = 'awake';
  #stateSinceMs = 0;
  #listedSinceMs: number | undefined;
  #restUntilMs = 0;
  #failures = 0;
  #asked: Asked | undefined;
  #waiting = new Set<string>();
  #denied = '';
  /** Of those that said yes, who know a way to wake this node. */
  #wakers = 0;

  constructor(options: OwnOptions) {
    this.#options = options;
  }

  get state(): PowerState {
    return this.#state;
  }

  get asked(): Asked | undefined {
    return this.#asked;
  }

  /** Nothing is taken in any more. */
  get closed(): boolean {
    return this.#state !== 'awake';
  }

  /** Left until it may be tried again, ms; 0: now. */
  restLeftMs(nowMs: number): number {
    return Math.max(0, this.#restUntilMs - nowMs);
  }

  /** For how long the rule has not needed this node, ms. */
  listedForMs(nowMs: number): number {
    return this.#listedSinceMs === undefined ? 0 : nowMs - this.#listedSinceMs;
  }

  /** A person wants it asleep. */
  ask(asked: Asked, nowMs: number): OwnEffect[] {
    if (this.#state !== 'awake') return [];
    this.#asked = asked;
    return this.#event('wanted', nowMs, 'asked for');
  }

  tick(facts: OwnFacts): OwnEffect[] {
    const { nowMs, listed } = facts;
    if (!listed) this.#listedSinceMs = undefined;
    else this.#listedSinceMs ??= nowMs;
    if (this.#state === 'awake') return this.#mayBegin(nowMs);
    const needed = this.#needed(facts);
    if (needed !== '') return this.#event('needed', nowMs, needed);
    if (this.#state === 'draining') return this.#drain(facts);
    if (this.#state === 'announcing') return this.#hearAll(facts);
    return [];
  }

  /** Of a member, to the farewell that is out. The next tick acts on it. */
  answered(peer: string, yes: boolean, canWake: boolean, detail: string): void {
    if (this.#state !== 'announcing') return;
    if (yes && this.#waiting.delete(peer) && canWake) this.#wakers += 1;
    if (!yes) this.#denied ||= detail;
  }

  /** Another one's farewell goes before this node's own. */
  yields(nowMs: number): OwnEffect[] {
    return this.#event('denied', nowMs, 'another node goes first');
  }

  /** Something is to run here. */
  needed(nowMs: number, why: string): OwnEffect[] {
    return this.#event('needed', nowMs, why);
  }

  notSuspended(nowMs: number, why: string): OwnEffect[] {
    return this.#event('not-suspended', nowMs, why);
  }

  slept(nowMs: number): OwnEffect[] {
    return this.#event('slept', nowMs, 'this machine slept');
  }

  #mayBegin(nowMs: number): OwnEffect[] {
    const isLong = this.listedForMs(nowMs) >= this.#options.slowMs && this.#listedSinceMs !== undefined;
    if (!isLong || this.restLeftMs(nowMs) > 0) return [];
    return this.#event('wanted', nowMs, 'no VM has needed it');
  }

  /** Why it stays awake after all; empty: it does not. */
  #needed({ listed, empty }: OwnFacts): string {
    if (this.#asked === undefined && !listed) return 'the rule needs it awake';
    return this.#state === 'announcing' && !empty ? 'something is to run here' : '';
  }

  #drain({ empty, members, nowMs }: OwnFacts): OwnEffect[] {
    if (empty) {
      this.#waiting = new Set(members);
      this.#denied = '';
      this.#wakers = 0;
      return this.#event('empty', nowMs, 'empty');
    }
    const late = nowMs - this.#stateSinceMs > this.#options.drainMs;
    return late ? this.#event('needed', nowMs, 'a handoff here does not end') : [];
  }

  #hearAll({ members, nowMs }: OwnFacts): OwnEffect[] {
    if (this.#denied !== '') return this.#event('denied', nowMs, this.#denied);
    // The last one awake has nobody who could wake it.
    if (members.length === 0) return this.#event('denied', nowMs, 'no other node is awake');
    // Who was removed or has fallen asleep meanwhile owes no answer; who has come since was never asked.
    const owing = members.filter(id => this.#waiting.has(id));
    if (owing.length === 0) {
      // A person who sends it to sleep may have a way of his own.
      if (this.#wakers === 0 && (this.#asked === undefined || this.#asked.test))
        return this.#event('denied', nowMs, 'no member knows a way to wake this node');
      return this.#event('agreed', nowMs, 'every member agrees');
    }
    const late = nowMs - this.#stateSinceMs > this.#options.answerMs;
    return late ? this.#event('denied', nowMs, `${owing.length} of the members did not answer`) : [];
  }

  #event(event: PowerEvent, nowMs: number, why: string): OwnEffect[] {
    const { state, effects } = powerStep(this.#state, event);
    if (state !== this.#state) this.#stateSinceMs = nowMs;
    this.#state = state;
    if (state === 'awake') this.#asked = undefined;
    if (effects.includes('rest')) {
      this.#restUntilMs =
        nowMs + Math.min(this.#options.restMaxMs, this.#options.restMs * 2 ** this.#failures);
      this.#failures += 1;
    }
    return effects.map(effect => ({ effect, why }));
  }
}
