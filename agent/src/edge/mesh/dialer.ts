/**
 * Keeps this node connected to every member of the allow-list. libp2p dials nobody by itself, and what it offers for
 * that gives up: a bootstrap peer is dialled once, a kept-alive one five times.
 * Both ends would dial at once, so the lower id does and the higher one steps in later, in case only it can.
 */

import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { ShoalError } from '../../errors.ts';
import type { Node } from './stack.ts';
import type { Log, PeerEntry } from './types.ts';

/** The higher id waits this long for the lower one's dial. */
const YIELD_MS = 2_500;
/** A node that is back is found within 5 s; one that is asleep costs a few packets. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 5_000;
const FIRST_DIAL_MS = 100;
const DIAL_TIMEOUT_MS = 5_000;
/** Reports name what they like; nobody needs more ways in than this. */
const ADDRESSES_MAX = 8;

type Target = {
  configured: Multiaddr[];
  learned: Multiaddr[];
  failures: number;
  timer?: NodeJS.Timeout | undefined;
};

export class Dialer {
  readonly #node: Node;
  readonly #log: Log;
  readonly #targets = new Map<string, Target>();
  #stopped = false;

  constructor(node: Node, log: Log) {
    this.#node = node;
    this.#log = log;
  }

  /** Takes the allow-list; dials who is new on it. Throws SHOAL_MESH_ADDRESS before it changes anything. */
  setTargets(peers: readonly PeerEntry[]): void {
    const self = this.#node.peerId.toString();
    const wanted = new Map<string, Multiaddr[]>();
    for (const { id, addresses } of peers) {
      if (id !== self)
        wanted.set(
          id,
          addresses.map(address => parseAddress(address, id)),
        );
    }
    for (const [id, target] of this.#targets) {
      if (wanted.has(id)) continue;
      clearTimeout(target.timer);
      this.#targets.delete(id);
    }
    for (const [id, configured] of wanted) {
      const known = this.#targets.get(id);
      if (known) known.configured = configured;
      else this.#targets.set(id, { configured, learned: [], failures: 0 });
      this.lost(id);
    }
  }

  learn(id: string, addresses: string[]): void {
    const target = this.#targets.get(id);
    if (!target) return;
    const learned = addresses.slice(0, ADDRESSES_MAX).flatMap(address => {
      try {
        return [parseAddress(address, id)];
      } catch {
        return [];
      }
    });
    const first = target.configured.length + target.learned.length === 0;
    target.learned = learned;
    if (first) this.lost(id);
  }

  /** The last link to a peer is gone (or never was): dial in a while, unless it comes back first. */
  lost(id: string): void {
    const target = this.#targets.get(id);
    if (!target || target.timer || this.#stopped || this.#connected(id)) return;
    const yieldMs = this.#node.peerId.toString() < id ? 0 : YIELD_MS;
    this.#schedule(id, target, yieldMs + FIRST_DIAL_MS);
  }

  /** An open connection, dialled now if need be. Rejects with what libp2p says. */
  async connect(id: string, signal: AbortSignal): Promise<Connection> {
    const open = this.#node.getConnections(peerIdFromString(id)).find(each => each.status === 'open');
    if (open) return open;
    const target = this.#targets.get(id);
    const addresses = target ? [...target.configured, ...target.learned] : [];
    if (addresses.length === 0) throw new Error('no address of it is known');
    return this.#node.dial(addresses, { signal });
  }

  stop(): void {
    this.#stopped = true;
    for (const target of this.#targets.values()) clearTimeout(target.timer);
  }

  #connected(id: string): boolean {
    return this.#node.getConnections(peerIdFromString(id)).some(each => each.status === 'open');
  }

  /** Half to one and a half times `afterMs`, so that a cluster that starts together does not dial together. */
  #schedule(id: string, target: Target, afterMs: number): void {
    target.timer = setTimeout(() => void this.#dial(id, target), afterMs * (0.5 + Math.random()));
    target.timer.unref();
  }

  async #dial(id: string, target: Target): Promise<void> {
    try {
      if (target.configured.length + target.learned.length > 0) {
        await this.connect(id, AbortSignal.timeout(DIAL_TIMEOUT_MS));
      }
      target.failures = 0;
      target.timer = undefined;
    } catch (error) {
      if (this.#stopped || this.#targets.get(id) !== target) return;
      target.failures += 1;
      this.#log.debug(
        { event: 'dial-failed', peer: id, failures: target.failures, err: error },
        'dial failed',
      );
      this.#schedule(id, target, Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (target.failures - 1)));
    }
  }
}

/** Throws SHOAL_MESH_ADDRESS when the text is no multiaddr, or names another peer than its entry. */
export function parseAddress(address: string, id: string): Multiaddr {
  const suffix = `/p2p/${id}`;
  try {
    const bare = address.endsWith(suffix) ? address.slice(0, -suffix.length) : address;
    if (bare.includes('/p2p/')) throw new Error('it names another peer');
    return multiaddr(bare + suffix);
  } catch (error) {
    throw new ShoalError(
      'SHOAL_MESH_ADDRESS',
      `not an address of peer ${id}: ${(error as Error).message}`,
      address,
      'Write it as /ip4/192.0.2.1/tcp/7420',
      { cause: error },
    );
  }
}
