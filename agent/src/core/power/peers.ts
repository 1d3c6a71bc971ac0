/**
 * What this node knows of its peers' power: who sleeps, who is being woken and for how long, who did not wake (docs/decisions/0026).
 * Pure: entries, reports, wishes and time in, effects out.
 */
import type { AsleepEntry } from './entry.ts';
import { type PowerEvent, type PowerState, powerStep } from './table.ts';

export type PeerOptions = {
  /** A wake that takes longer is told of. */
  lateMs: number;
  /** One that takes longer has failed. */
  deadlineMs: number;
  /** Until the next try, doubled each time. */
  restMs: number;
  /** So many tries, and it is no capacity any more until it says something itself. */
  tries: number;
  /** Wakes that may begin at once, and a second later each: what many machines that start together cost. */
  burst: number;
  everyMs: number;
};

export type PeerEffect = { effect: 'call' | 'hang-up' | 'say'; node: string; words: string };

type Peer = {
  state: PowerState;
  entry: AsleepEntry;
  sinceMs: number;
  tries: number;
  restUntilMs: number;
};

export class PeerPower {
  readonly #options: PeerOptions;
  readonly #peers = new Map<string, Peer>();
  /** Each wake costs `everyMs` of it, and it grows with time. */
  #creditMs: number;
  #creditAtMs = 0;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#creditMs = options.burst * options.everyMs;
  }

  /** Those that are not awake, by their own word. */
  asleep(): { node: string; entry: AsleepEntry; state: 'asleep' | 'unwakeable' }[] {
    return [...this.#peers].map(([node, { entry, state }]) => ({
      ...{ node, entry },
      // While it rests after a try that failed another node is the better choice.
      state: state === 'wake-failed' || state === 'unwakeable' ? 'unwakeable' : 'asleep',
    }));
  }

  stateOf(node: string): PowerState {
    return this.#peers.get(node)?.state ?? 'awake';
  }

  /** Its register says so, or no longer: undefined. */
  entry(node: string, entry: AsleepEntry | undefined, nowMs: number): PeerEffect[] {
    const known = this.#peers.get(node);
    if (!entry) return known ? this.#awake(node, known, 'withdrawn', nowMs) : [];
    if (known && known.entry.incarnation >= entry.incarnation) return [];
    const effects = known ? this.#awake(node, known, 'withdrawn', nowMs) : [];
    this.#peers.set(node, {
      state: powerStep('awake', 'entry').state,
      entry,
      sinceMs: nowMs,
      tries: 0,
      restUntilMs: 0,
    });
    return effects;
  }

  /** A report of that life of its agent. */
  hello(node: string, incarnation: number, nowMs: number): PeerEffect[] {
    const peer = this.#peers.get(node);
    if (!peer || incarnation <= peer.entry.incarnation) return [];
    return this.#awake(node, peer, 'hello', nowMs);
  }

  /** The rule, or a person (`asked`), wants it awake. Where too many wakes have just begun the rule asks again a second later. */
  wake(node: string, isAsked: boolean, nowMs: number): PeerEffect[] {
    const peer = this.#peers.get(node);
    if (!peer) return [];
    const event = isAsked ? 'asked' : 'wake';
    if (!powerStep(peer.state, event).effects.includes('call') || !this.#take(nowMs)) return [];
    return this.#event(node, peer, event, nowMs);
  }

  tick(nowMs: number): PeerEffect[] {
    return [...this.#peers].flatMap(([node, peer]) => {
      const { lateMs, deadlineMs, tries } = this.#options;
      const spentMs = nowMs - peer.sinceMs;
      if (peer.state === 'waking' && spentMs >= lateMs)
        return this.#event(node, peer, 'late', nowMs, peer.sinceMs);
      if (peer.state === 'slow' && spentMs >= deadlineMs) {
        peer.tries += 1;
        return [
          ...this.#event(node, peer, 'deadline', nowMs),
          ...(peer.tries >= tries ? this.#event(node, peer, 'given-up', nowMs) : []),
        ];
      }
      if (peer.state === 'wake-failed' && nowMs >= peer.restUntilMs)
        return this.#event(node, peer, 'rested', nowMs);
      return [];
    });
  }

  /** It is no member any more. */
  forget(node: string): void {
    this.#peers.delete(node);
  }

  #awake(node: string, peer: Peer, event: 'hello' | 'withdrawn', nowMs: number): PeerEffect[] {
    const effects = this.#event(node, peer, event, nowMs);
    this.#peers.delete(node);
    return effects;
  }

  /** `sinceMs`: of the new state, where that is not now: `slow` is a part of one wake. */
  #event(node: string, peer: Peer, event: PowerEvent, nowMs: number, sinceMs = nowMs): PeerEffect[] {
    const spentS = Math.round((nowMs - peer.sinceMs) / 1000);
    const { state, effects } = powerStep(peer.state, event);
    if (state !== peer.state) peer.sinceMs = sinceMs;
    peer.state = state;
    if (effects.includes('rest'))
      peer.restUntilMs = nowMs + this.#options.restMs * 2 ** Math.max(0, peer.tries - 1);
    const { name } = peer.entry;
    const words: Record<string, string> = {
      'say-slow': `${name} has been called for ${spentS} s`,
      'say-failed': `${name} did not wake within ${spentS} s`,
      'say-unwakeable': `${name} did not wake in ${peer.tries} tries: it counts no more until it says something`,
      'say-awake': `${name} is awake`,
    };
    return effects.flatMap((effect): PeerEffect[] => {
      if (effect === 'call' || effect === 'hang-up') return [{ effect, node, words: '' }];
      const said = words[effect];
      return said === undefined ? [] : [{ effect: 'say', node, words: said }];
    });
  }

  #take(nowMs: number): boolean {
    const { burst, everyMs } = this.#options;
    this.#creditMs = Math.min(burst * everyMs, this.#creditMs + nowMs - this.#creditAtMs);
    this.#creditAtMs = nowMs;
    if (this.#creditMs < everyMs) return false;
    this.#creditMs -= everyMs;
    return true;
  }
}
