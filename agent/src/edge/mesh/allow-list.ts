/**
 * Who belongs to the mesh. Read live at every dial and handshake; the ids are proven by Noise before they are compared.
 * An outsider that knows nothing but our address completes Noise, learns our peer id, and is cut (authority.md).
 */
import type { ConnectionGater, PeerId } from '@libp2p/interface';
import type { PeerEntry } from './types.ts';

export class AllowList {
  readonly #self: string;
  #ids: ReadonlySet<string>;
  #hosts: ReadonlySet<string>;
  /** Why a connection was cut, for whoever tells of it. */
  readonly #reasons = new WeakMap<object, string>();

  constructor(self: string, peers: readonly PeerEntry[]) {
    this.#self = self;
    this.#ids = this.#idsOf(peers);
    this.#hosts = hostsOf(peers, this.#self);
  }

  has(peer: string): boolean {
    return this.#ids.has(peer);
  }

  /** Whether a member is known to be at this IP address. */
  hasHost(host: string): boolean {
    return this.#hosts.has(host);
  }

  replace(peers: readonly PeerEntry[]): void {
    this.#ids = this.#idsOf(peers);
    this.#hosts = hostsOf(peers, this.#self);
  }

  gater(): ConnectionGater {
    const deny = (peer: PeerId) => !this.has(peer.toString());
    return {
      denyDialPeer: deny,
      denyInboundEncryptedConnection: (peer, connection) => {
        if (deny(peer)) this.#reasons.set(connection, `${peer} is not on the allow-list`);
        return deny(peer);
      },
      denyOutboundEncryptedConnection: deny,
    };
  }

  /** Of an inbound connection that this list has refused. */
  reasonOf(connection: object): string | undefined {
    return this.#reasons.get(connection);
  }

  #idsOf(peers: readonly PeerEntry[]): ReadonlySet<string> {
    return new Set(peers.map(peer => peer.id).filter(id => id !== this.#self));
  }
}

/** Names are left out: who resolves them decides what they mean. */
function hostsOf(peers: readonly PeerEntry[], self: string): ReadonlySet<string> {
  const others = peers.filter(peer => peer.id !== self);
  const hosts = others.flatMap(peer =>
    peer.addresses.map(address => /^\/ip[46]\/([^/]+)\//.exec(address)?.[1]),
  );
  return new Set(hosts.filter(host => host !== undefined));
}
