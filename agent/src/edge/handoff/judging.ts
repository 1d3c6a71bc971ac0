/**
 * Offers that wait for this node's verdict, one after the other: two must not both count the same free memory. Bounded,
 * since a verdict may wait for gossip: a member that offers without end holds up its own offers, not those of others.
 */
import type { Verdict } from '../../core/judge-offer.ts';

type Refusal = Extract<Verdict, { ok: false }>;

/** A node offers one VM at a time; a few more cover its restarts. With each peer at its bound a turn still comes soon. */
const PER_PEER_MAX = 4;
const IN_ALL_MAX = 32;

const refusal = (code: string, detail: string): Refusal => ({ ok: false, code, detail, numbers: {} });

export class Judging {
  readonly #waiting: string[] = [];
  #last: Promise<void> = Promise.resolve();

  /** Why no more of this peer's offers can wait now; undefined when there is room. */
  full(peer: string): Refusal | undefined {
    const own = this.#waiting.filter(p => p === peer).length;
    if (own >= PER_PEER_MAX) return refusal('busy', `${own} offers of this peer wait for a verdict already`);
    const all = this.#waiting.length;
    return all >= IN_ALL_MAX ? refusal('busy', `${all} offers wait for a verdict already`) : undefined;
  }

  /** `judge` when its turn comes, then `done` with what it said, behind all that came before. `late`: nobody waits. */
  add(
    peer: string,
    late: () => boolean,
    judge: () => Promise<Verdict>,
    done: (verdict: Verdict) => void,
  ): void {
    this.#waiting.push(peer);
    this.#last = this.#last.then(async () => {
      const verdict = late()
        ? refusal('late', 'its turn came when its source waited no more')
        : await judge().catch((error: Error) => refusal('fault', String(error.message ?? error)));
      this.#waiting.splice(this.#waiting.indexOf(peer), 1);
      done(verdict);
    });
  }
}
