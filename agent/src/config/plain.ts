/** A YAML document as a plain value. Pure. */
import type { Document } from 'yaml';

/**
 * Shared parts (aliases) stand at each of their places.
 *
 * @throws Error: an alias of nothing, aliases that would grow the document a hundredfold ("billion laughs"), or one that
 * stands inside what it names: such a value is a ring, which nobody could print.
 */
export function plainValue(doc: Document): unknown {
  const value: unknown = doc.toJS();
  if (isRing(value, new Set())) throw new Error('an alias stands inside what it names');
  return value;
}

function isRing(value: unknown, around: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (around.has(value)) return true;
  around.add(value);
  const found = Object.values(value).some(part => isRing(part, around));
  around.delete(value);
  return found;
}
