/**
 * What peers did outside the gossip that no honest node does. It counts in gossipsub's score (P5, application specific),
 * so that such a peer is not listened to there either.
 */
const REMEMBER_MS = 30_000;
/** Like invalid gossip (P4): 20 × count². From three on it is below gossipsub's graylist threshold of −80. */
const WEIGHT = -20;
const SHUT_OUT = 3;
const BLAMES_MAX = 16;

export class Standing {
  readonly #blamedAtMs = new Map<string, number[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  blame(peer: string): void {
    this.#blamedAtMs.set(peer, [...this.#recent(peer), this.#now()].slice(-BLAMES_MAX));
  }

  score(peer: string): number {
    return WEIGHT * this.#recent(peer).length ** 2;
  }

  /** Nothing it sends is looked at for a while. */
  isShutOut(peer: string): boolean {
    return this.#recent(peer).length >= SHUT_OUT;
  }

  #recent(peer: string): number[] {
    const all = this.#blamedAtMs.get(peer);
    if (!all) return [];
    const recent = all.filter(atMs => this.#now() - atMs < REMEMBER_MS);
    if (recent.length === 0) this.#blamedAtMs.delete(peer);
    return recent;
  }
}
