/** Kinds of fields that several messages share. */
import { int, oneOf, text } from './fields.ts';
import * as limit from './limits.ts';

export const uuid = text(
  36,
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  'is no UUID in lower case',
);
/** A libp2p peer id of an Ed25519 key (base58btc). */
export const peerId = text(64, /^[1-9A-HJ-NP-Za-km-z]{20,64}$/, 'is no peer id');
/** A name for people that is also safe in paths, hosts and shells. */
export const name = text(
  limit.NAME_BYTES_MAX,
  /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i,
  'may have letters, digits, dots, dashes',
);
export const nameOrEmpty = text(limit.NAME_BYTES_MAX, /^([a-z0-9]([a-z0-9._-]*[a-z0-9])?)?$/i);
export const sentence = text(limit.SENTENCE_BYTES_MAX);
export const hex = (min: number, max: number) =>
  text(max, new RegExp(`^([0-9a-f]{${min},${max}})$`), 'is not hexadecimal of the right length');
export const hash16OrEmpty = text(16, /^([0-9a-f]{16})?$/, 'is no hash of 16 hex digits');
export const sha256 = hex(64, 64);
export const mac = text(17, /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'is no MAC address in lower case');
export const path = text(limit.PATH_BYTES_MAX);
export const count = int(0, limit.COUNT_MAX);
export const positive = int(1, limit.COUNT_MAX);
export const ageMs = int(0, limit.AGE_MS_MAX);
export const memoryMib = int(0, limit.MEMORY_MIB_MAX);
export const rateBps = int(0, limit.RATE_BPS_MAX);
export const cpuMilli = int(0, limit.CPU_MILLI_MAX);
export const engine = oneOf('postcopy', 'warm', 'precopy', 'qemu-postcopy');
export const migration = oneOf('postcopy', 'precopy', 'qemu-postcopy', 'never');
export const mode = oneOf('observe', 'advise', 'auto');
