/** What registers mean. A value that cannot be read means nothing: a newer version may have written it. Pure. */
import { ADDRESSES_MAX, type Mode, NAME_BYTES_MAX, type Register } from '@shoal/protocol';
import { memberKey } from './keys.ts';
import { parsed, parsedFields } from './parsed.ts';

/** A pause that nobody remembers would switch the mesh off for good: a day at most, whatever the register says. */
export const PAUSE_MAX_MS = 86_400_000;

export type Member = { id: string; name: string; addresses: string[] };

/** What a `member` register says of its node. */
export type Membership = { removed: true } | { removed: false; name: string; addresses: string[] };

const NAME = /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/;
const ADDRESS = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/[0-9]{1,5}$/;

/** Undefined = the configuration alone decides (withdrawn, or not to be read). */
export function membership(value: string): Membership | undefined {
  const said = parsedFields(value);
  if (said === undefined) return undefined;
  if (said.removed === true) return { removed: true };
  const { name = '', addresses = [] } = said;
  if (typeof name !== 'string' || name.length > NAME_BYTES_MAX || !NAME.test(name)) return undefined;
  if (!Array.isArray(addresses) || addresses.length > ADDRESSES_MAX) return undefined;
  if (!addresses.every(a => typeof a === 'string' && ADDRESS.test(a))) return undefined;
  return { removed: false, name, addresses: [...addresses] };
}

export const memberValue = ({ name, addresses }: Omit<Member, 'id'>): string =>
  JSON.stringify({ name, addresses });
export const REMOVED_VALUE = JSON.stringify({ removed: true });

/**
 * The allow-list: the configuration's entries and the registers', less those that a register removes. A register's
 * addresses come beside the configuration's.
 */
export function members(configured: readonly Member[], registers: readonly Register[]): Member[] {
  const list = new Map(configured.map(m => [m.id, m]));
  for (const { key, value } of registers) {
    const id = key.slice(memberKey('').length);
    if (memberKey(id) !== key) continue;
    const said = membership(value);
    if (said === undefined) continue;
    if (said.removed) {
      list.delete(id);
      continue;
    }
    const known = list.get(id);
    const addresses = [...new Set([...(known?.addresses ?? []), ...said.addresses])];
    list.set(id, { id, name: said.name || known?.name || '', addresses });
  }
  return [...list.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Left of a pause, ms, when its register is so old; 0 = none. */
export function pauseLeftMs(value: string, ageMs: number): number {
  const ttlMs = parsed(value);
  if (typeof ttlMs !== 'number' || !Number.isFinite(ttlMs)) return 0;
  return Math.max(0, Math.min(ttlMs, PAUSE_MAX_MS) - Math.max(0, ageMs));
}

export const cordoned = (value: string): boolean => parsed(value) === true;

export function modeOf(value: string): Mode | undefined {
  const mode = parsed(value);
  return mode === 'observe' || mode === 'advise' || mode === 'auto' ? mode : undefined;
}
