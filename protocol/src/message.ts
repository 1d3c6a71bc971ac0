import { Bad } from './errors.ts';
import type { Kind } from './fields.ts';

/** What a file in `messages/` says about its message. */
export type MessageType<T> = {
  /** On the wire; never used again for another message. */
  readonly number: number;
  readonly name: string;
  readonly kind: Kind<T>;
  /** What no single field can tell; throws a `Bad`. */
  readonly relations?: (message: T) => void;
};

/** Throws unless every entry has a key of its own. */
export function unique<T>(path: string, entries: readonly T[], key: (entry: T) => string): void {
  const seen = new Set<string>();
  entries.forEach((entry, i) => {
    if (seen.has(key(entry))) throw new Bad('relation', `${path}[${i}]`, `names ${key(entry)} a second time`);
    seen.add(key(entry));
  });
}
