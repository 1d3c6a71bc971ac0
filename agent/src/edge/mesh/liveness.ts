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
/** Connected this long without our gossip stream: it broke, and gossipsub opens none while the connection lasts. */
const STREAMLESS_MS = 3_000;

export type LivenessOptions = { reportIntervalMs: number };

export class Liveness {
  readonly #node: Node;
  readonly #log: Log;
  readonly #heardAtMs = new Map<string, number>();
  readonly #streamlessSinceMs = new Map<string, number>();
  readonly #asked = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #silentMs: number;

  constructor(node: Node, log: Log, options: LivenessOptions) {
    this.#node = node;
    this.#log = log;
    this.#silentMs = Math.max(SILENT_MIN_MS, SILENT_REPORTS * options.reportIntervalMs);
    this.#timer = setInterval(() => this.#check(), 1_000);
    this.#timer.unref();
  }

  heard(peer: string): void {
    this.#heardAtMs.set(peer, performance.now());
  }

  forget(peer: string): void {
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
      if (this.#streamless(id, now)) this.#cut(id, 'its gossip stream broke');
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

  /** Not in gossipsub's interface, but a public field of the class; an absent one must not cut anybody. */
  #hasStream(id: string): boolean {
    const { streamsOutbound } = this.#node.services.gossip as {
      streamsOutbound?: ReadonlyMap<string, unknown>;
    };
    return streamsOutbound?.has(id) ?? true;
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
