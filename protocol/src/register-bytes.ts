/** What a register's author signs, and in which bucket of a digest its key lies: the same bytes on every node. */
import { REGISTER_BUCKETS } from './limits.ts';
import type { Register } from './messages/register.ts';

/** No other thing that Shoal or libp2p signs begins so: a signature for one can never serve as one for the other. */
const DOMAIN = 'shoal-register-1';

const utf8 = new TextEncoder();

/** Domain, key, value and author, each with its length in front (4 bytes, big-endian), then the counter (8 bytes). */
export function registerBytes({ key, value, author, counter }: Omit<Register, 'signature'>): Uint8Array {
  const parts = [DOMAIN, key, value, author].map(text => utf8.encode(text));
  const out = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 8));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    out.set(part, at + 4);
    at += 4 + part.length;
  }
  view.setBigUint64(at, BigInt(counter));
  return out;
}

/** FNV-1a over the key's bytes, 32 bits, modulo the number of buckets. */
export function registerBucket(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of utf8.encode(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % REGISTER_BUCKETS;
}
