/**
 * Offers that wait for this node's verdict, one after the other: two must not both count the same free memory. Bounded,
 * since a verdict may wait for gossip; and peers take turns: a member that offers without end holds up its own offers,
 * those of others by one verdict.
 */
import type { Verdict } from '../../core/judge-offer.ts';
import type { Time } from '../clock.ts';
import type { HandoffStatus } from '../http/api.types.ts';
import type { Logger } from '../log.ts';
import { Buckets } from '../people/bucket.ts';

type Refusal = Extract<Verdict, { ok: false }>;

/** A node offers one VM at a time; a few more cover its restarts. With each peer at its bound a turn still comes soon. */
const PER_PEER_MAX = 4;
const IN_ALL_MAX = 32;
/**
 * Each ended handoff that its peer has not acknowledged is a record on the disk and a word again and again, for ever if it
 * never does. An honest peer acknowledges within a round trip: more than a few stand open only behind a cut.
 */
const UNACKNOWLEDGED_MAX = 16;

/**
 * Offers of one peer that were accepted and came to nothing: each cost this node a VMM, a page server, synced writes, and is
 * kept among the past handoffs. A drain whose moves all fail is retried at once; who changes its mind day and night has some
 * 20 MB of rows and log lines a day here.
 */
const IN_VAIN = { burst: 32, everyMs: 10_000 };
/** As many peers as a mesh has, and some that were removed. */
const PEERS_MAX = 512;

const refusal = (code: string, detail: string): Refusal => ({ ok: false, code, detail, numbers: {} });

type Waiting = { late(): boolean; judge(): Promise<Verdict>; done(verdict: Verdict): void };

export class Judging {
  /** By peer, in the order of their turns. The first of the first is being judged. */
  readonly #queues = new Map<string, Waiting[]>();
  readonly #log: Pick<Logger, 'error'>;
  readonly #inVain: Buckets;
  #working = false;

  constructor({ clock, log }: { clock: Pick<Time, 'nowMs'>; log: Pick<Logger, 'error'> }) {
    this.#log = log;
    this.#inVain = new Buckets(IN_VAIN, PEERS_MAX, clock);
  }

  /** A handoff with that peer is over here; one `aborted` at the target was accepted, and ended without its VM. */
  over(peer: string, { role, outcome }: Pick<HandoffStatus, 'role' | 'outcome'>): void {
    if (role === 'target' && outcome === 'aborted') this.#inVain.take(peer);
  }

  /** Why no more of this peer's offers are judged now; undefined when there is room. `unacknowledged`: see `Parties`. */
  full(peer: string, unacknowledged: number): Refusal | undefined {
    if (unacknowledged >= UNACKNOWLEDGED_MAX)
      return refusal('busy', `${unacknowledged} ended handoffs of this peer are not acknowledged by it`);
    const waitS = Math.ceil(this.#inVain.waitMs(peer) / 1000);
    if (waitS > 0)
      return refusal(
        'busy',
        `too many accepted offers of this peer came to nothing: offer again in ${waitS} s`,
      );
    const own = this.#queues.get(peer)?.length ?? 0;
    if (own >= PER_PEER_MAX) return refusal('busy', `${own} offers of this peer wait for a verdict already`);
    const all = [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
    return all >= IN_ALL_MAX ? refusal('busy', `${all} offers wait for a verdict already`) : undefined;
  }

  /**
   * `judge` when its turn comes, then `done` with what it said: behind this peer's earlier offers, and one of each other
   * peer that waits. `late`: nobody waits for the verdict any more.
   */
  add(
    peer: string,
    late: () => boolean,
    judge: () => Promise<Verdict>,
    done: (verdict: Verdict) => void,
  ): void {
    const queue = this.#queues.get(peer) ?? [];
    this.#queues.set(peer, queue);
    queue.push({ late, judge, done });
    if (this.#working) return;
    this.#working = true;
    queueMicrotask(() => void this.#work());
  }

  async #work(): Promise<void> {
    for (const [peer, queue] of this.#turns()) {
      const [waiting] = queue as [Waiting];
      const verdict = await verdictOf(waiting);
      queue.shift();
      this.#queues.delete(peer);
      if (queue.length > 0) this.#queues.set(peer, queue);
      try {
        waiting.done(verdict);
      } catch (error) {
        // A fault of ours, and no reason not to answer the next peer.
        this.#log.error({ error: String(error) }, 'a verdict was not carried out');
      }
    }
    this.#working = false;
  }

  *#turns(): Generator<[string, Waiting[]]> {
    for (;;) {
      const [first] = this.#queues;
      if (!first) return;
      yield first;
    }
  }
}

async function verdictOf({ late, judge }: Waiting): Promise<Verdict> {
  if (late()) return refusal('late', 'its turn came when its source waited no more');
  return judge().catch((error: Error) => refusal('fault', String(error.message ?? error)));
}
