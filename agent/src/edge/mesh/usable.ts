/** Which entries of an allow-list can be used: peer ids and addresses that libp2p can read. */
import { peerIdFromString } from '@libp2p/peer-id';
import { ShoalError } from '../../errors.ts';
import { parseAddress } from './dialer.ts';
import type { PeerEntry } from './types.ts';

/** Throws SHOAL_MESH_PEER. */
export function checkId(id: string): void {
  try {
    peerIdFromString(id);
  } catch (error) {
    throw new ShoalError(
      'SHOAL_MESH_PEER',
      'this is not a peer id',
      id,
      'Copy it from `shoald --init` on that node (12D3KooW…)',
      { cause: error },
    );
  }
}

const works = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

/** Of a list that others wrote: without what is no peer id, and without addresses that cannot be dialled. */
export const usable = (list: readonly PeerEntry[]): PeerEntry[] =>
  list
    .filter(({ id }) => works(() => checkId(id)))
    .map(({ id, addresses }) => ({
      id,
      addresses: addresses.filter(address => works(() => parseAddress(address, id))),
    }));
