/**
 * Signing registers and checking their signatures: Ed25519 by node:crypto over `registerBytes`. The public key is in the
 * author's peer id, so that nothing has to be looked up to check one.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Register, registerBytes } from '@shoal/protocol';

/** What of a node's key its registers need; a simulator has one of its own. */
export type Seal = {
  /** Hex. */
  sign(register: Omit<Register, 'signature'>): string;
  /** Whether the author's key made the signature. */
  verify(register: Register): boolean;
};

/** DER around a raw Ed25519 key (RFC 8410): PKCS#8 in front of a private one, SubjectPublicKeyInfo of a public one. */
const PRIVATE_DER = '302e020100300506032b657004220420';
const PUBLIC_DER = '302a300506032b6570032100';
const SEED_BYTES = 32;
/** Authors are members and operators; a stranger's register is not looked at, so the cache stays small. */
const KEYS_MAX = 64;

/** libp2p keeps the seed and the public key together, 64 bytes. */
export function createSeal(key: Ed25519PrivateKey): Seal {
  const seed = key.raw.subarray(0, SEED_BYTES);
  const der = Buffer.concat([Buffer.from(PRIVATE_DER, 'hex'), seed]);
  const own = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return {
    sign: register => sign(null, registerBytes(register), own).toString('hex'),
    verify: verifySeal,
  };
}

const keys = new Map<string, KeyObject>();

function publicKeyOf(author: string): KeyObject {
  const known = keys.get(author);
  if (known) return known;
  const { publicKey } = peerIdFromString(author);
  if (publicKey?.type !== 'Ed25519') throw new Error('not the id of an Ed25519 key');
  const der = Buffer.concat([Buffer.from(PUBLIC_DER, 'hex'), publicKey.raw]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (keys.size >= KEYS_MAX) keys.clear();
  keys.set(author, key);
  return key;
}

/** False also for an author that is the id of no key. Never throws. */
export function verifySeal(register: Register): boolean {
  try {
    const signature = Buffer.from(register.signature, 'hex');
    return verify(null, registerBytes(register), publicKeyOf(register.author), signature);
  } catch {
    return false;
  }
}
