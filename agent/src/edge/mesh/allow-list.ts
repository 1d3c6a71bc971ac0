/**
 * Who belongs to the mesh. Read live at every dial and handshake; the ids are proven by Noise before they are compared.
 * An outsider that knows nothing but our address completes Noise, learns our peer id, and is cut (authority.md).
 */
import type { ConnectionGater, PeerId } from '@libp2p/interface';
import type { PeerEntry } from './types.ts';

export class AllowList {
  readonly #self: string;
  #ids: ReadonlySet<string>;

  constructor(self: string, peers: readonly PeerEntry[]) {
    this.#self = self;
    this.#ids = this.#idsOf(peers);
  }

  has(peer: string): boolean {
    return this.#ids.has(peer);
  }

  replace(peers: readonly PeerEntry[]): void {
    this.#ids = this.#idsOf(peers);
  }

  gater(): ConnectionGater {
    const deny = (peer: PeerId) => !this.has(peer.toString());
    return {
      denyDialPeer: deny,
      denyInboundEncryptedConnection: deny,
      denyOutboundEncryptedConnection: deny,
    };
  }

  #idsOf(peers: readonly PeerEntry[]): ReadonlySet<string> {
    return new Set(peers.map(peer => peer.id).filter(id => id !== this.#self));
  }
}
