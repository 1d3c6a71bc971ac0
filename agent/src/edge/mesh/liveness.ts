/**
 * Cleans out dead links. TCP does not notice a silent peer for minutes, as long as we keep writing. Reports come over
 * every link every second, so a link that carries them needs no question; one that is silent gets a ping, and when that
 * fails too it is cut, and the dialer tries afresh. Whether a *node* is there is judged by its reports alone (view.ts).
 */
import type { Node } from './stack.ts';
import type { Log } from './types.ts';

/** Silent for this many report intervals, and at least so long, before it is asked. */
const SILENT_REPORTS = 3;
const SILENT_MIN_MS = 3_000;
const PING_TIMEOUT_MS = 2_000;
/** Connected this long without a gossip stream in either direction: it broke, and gossipsub opens none while the
 * connection lasts. */
const STREAMLESS_MS = 3_000;
/**
 * Every node sends its reports over every link of its own, so a peer from which none has come for so long, though it
 * answers pings, does not know that we listen (gossipsub lost our subscription in a quick reconnect). Longer than a
 * starved agent takes to report again: links that only wait must not be cut.
 */
const DEAF_REPORTS = 15;
const DEAF_MIN_MS = 8_000;

export type LivenessOptions = {
  reportIntervalMs: number;
  /** Whether peers send their reports over every link; in large clusters they only do over some. */
  direct: boolean;
};

export class Liveness {
  readonly #node: Node;
  readonly #log: Log;
  readonly #heardAtMs = new Map<string, number>();
  /** Since when a link is up, or has last carried gossip. */
  readonly #gossipedAtMs = new Map<string, number>();
  readonly #streamlessSinceMs = new Map<string, number>();
  readonly #asked = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #silentMs: number;
  readonly #deafMs: number;

  constructor(node: Node, log: Log, options: LivenessOptions) {
    this.#node = node;
    this.#log = log;
    this.#silentMs = Math.max(SILENT_MIN_MS, SILENT_REPORTS * options.reportIntervalMs);
    const deafMs = Math.max(DEAF_MIN_MS, DEAF_REPORTS * options.reportIntervalMs);
    this.#deafMs = options.direct ? deafMs : Number.POSITIVE_INFINITY;
    this.#timer = setInterval(() => this.#check(), 1_000);
    this.#timer.unref();
  }

  heard(peer: string): void {
    this.#heardAtMs.set(peer, performance.now());
  }

  /** A message of the gossip came over this link. */
  gossiped(peer: string): void {
    this.heard(peer);
    this.#gossipedAtMs.set(peer, performance.now());
  }

  /** Whether its own link brought gossip within the last `withinMs`. */
  gossipedWithin(peer: string, withinMs: number): boolean {
    return performance.now() - (this.#gossipedAtMs.get(peer) ?? Number.NEGATIVE_INFINITY) < withinMs;
  }

  forget(peer: string): void {
    this.#gossipedAtMs.delete(peer);
    this.#heardAtMs.delete(peer);
    this.#streamlessSinceMs.delete(peer);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const now = performance.now();
    for (const peer of this.#node.getPeers()) {
      const id = peer.toString();
      const heardAtMs = this.#heardAtMs.get(id) ?? now;
      if (!this.#heardAtMs.has(id)) this.heard(id);
      const gossipedAtMs = this.#gossipedAtMs.get(id) ?? now;
      if (!this.#gossipedAtMs.has(id)) this.#gossipedAtMs.set(id, now);
      if (this.#streamless(id, now)) this.#cut(id, 'its gossip stream broke');
      else if (now - gossipedAtMs > this.#deafMs) this.#cut(id, 'it sends no gossip here');
      else if (now - heardAtMs > this.#silentMs) void this.#ask(id);
    }
  }

  #streamless(id: string, now: number): boolean {
    if (this.#hasStream(id)) {
      this.#streamlessSinceMs.delete(id);
      return false;
    }
    const since = this.#streamlessSinceMs.get(id) ?? now;
    this.#streamlessSinceMs.set(id, since);
    return now - since > STREAMLESS_MS;
  }

  /** Not in gossipsub's interface, but public fields of the class; absent ones must not cut anybody. */
  #hasStream(id: string): boolean {
    const { streamsOutbound, streamsInbound } = this.#node.services.gossip as {
      streamsOutbound?: ReadonlyMap<string, unknown>;
      streamsInbound?: ReadonlyMap<string, unknown>;
    };
    return (streamsOutbound?.has(id) ?? true) && (streamsInbound?.has(id) ?? true);
  }

  async #ask(id: string): Promise<void> {
    if (this.#asked.has(id)) return;
    const connection = this.#node.getConnections().find(each => each.remotePeer.toString() === id);
    if (!connection) return;
    this.#asked.add(id);
    try {
      await this.#node.services.ping.ping(connection.remotePeer, {
        signal: AbortSignal.timeout(PING_TIMEOUT_MS),
      });
      this.heard(id);
    } catch {
      this.#cut(id, 'it is silent and answers no ping');
    } finally {
      this.#asked.delete(id);
    }
  }

  #cut(id: string, why: string): void {
    this.#log.info({ event: 'link-cut', peer: id, why }, 'link cut');
    this.forget(id);
    for (const connection of this.#node.getConnections()) {
      if (connection.remotePeer.toString() === id) connection.abort(new Error(why));
    }
  }
}
