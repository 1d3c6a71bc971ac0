/**
 * Kinds of fields: each reads an untrusted value into a checked copy or throws a `Bad`, and writes it for the wire.
 * A struct travels as an array in the order of its fields: short, and new fields can only be appended. A longer array
 * than known comes from a newer peer: the rest is passed over.
 */
import { Bad } from './errors.ts';

export type Kind<T> = {
  read(value: unknown, path: string): T;
  write(value: T): unknown;
  /** What an older sender means, who does not know this field; only for fields appended after the first version. */
  readonly absent?: T;
};

/** A field that was appended later: `absent` is what the messages of older senders mean. */
export const since = <T>(kind: Kind<T>, absent: T): Kind<T> => ({ ...kind, absent });

/** A checked primitive travels as it is. */
const plain = <T>(read: (value: unknown, path: string) => T): Kind<T> => ({ read, write: value => value });

export const int = (min: number, max: number): Kind<number> =>
  plain((value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw new Bad('type', path, 'is not an integer');
    if (value < min || value > max) throw new Bad('range', path, `is ${value}, outside ${min} to ${max}`);
    // Not the negative zero, which compares and prints like no other integer.
    return value === 0 ? 0 : value;
  });

export const flag: Kind<boolean> = plain((value, path) => {
  if (typeof value !== 'boolean') throw new Bad('type', path, 'is not true or false');
  return value;
});

export const utf8Bytes = (text: string): number => {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

/**
 * Text of at most `max` bytes in UTF-8. Control characters and changes of the writing direction would let a peer
 * rewrite our logs and terminals.
 */
export const text = (max: number, pattern?: RegExp, what = 'has another form than it should'): Kind<string> =>
  plain((value, path) => {
    if (typeof value !== 'string') throw new Bad('type', path, 'is not text');
    if (value.length > max || utf8Bytes(value) > max)
      throw new Bad('length', path, `is longer than ${max} bytes`);
    if (CONTROL.test(value)) throw new Bad('form', path, 'has control characters');
    if (pattern && !pattern.test(value)) throw new Bad('form', path, what);
    return value;
  });

export const oneOf = <const T extends string>(...values: T[]): Kind<T> =>
  plain((value, path) => {
    if (!values.includes(value as T)) throw new Bad('form', path, `is none of ${values.join(', ')}`);
    return value as T;
  });

export const list = <T>(kind: Kind<T>, max: number): Kind<T[]> => ({
  read(value, path) {
    if (!Array.isArray(value)) throw new Bad('type', path, 'is not a list');
    if (value.length > max) throw new Bad('length', path, `has ${value.length} entries, more than ${max}`);
    return value.map((entry, i) => kind.read(entry, `${path}[${i}]`));
  },
  write: value => value.map(entry => kind.write(entry)),
});

/** A map with text keys; travels as a list of pairs, so that no key of a peer becomes a property by decoding. */
export const dict = <T>(key: Kind<string>, kind: Kind<T>, max: number): Kind<Record<string, T>> => ({
  read(value, path) {
    const pairs = list(
      plain(v => v),
      max,
    ).read(value, path);
    const seen = new Map<string, T>();
    pairs.forEach((pair, i) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw new Bad('type', `${path}[${i}]`, 'is not a pair');
      const name = key.read(pair[0], `${path}[${i}].key`);
      if (seen.has(name)) throw new Bad('relation', `${path}[${i}].key`, `names ${name} a second time`);
      seen.set(name, kind.read(pair[1], `${path}[${i}].value`));
    });
    if (seen.has('__proto__')) throw new Bad('form', path, 'names __proto__');
    return Object.fromEntries(seen);
  },
  write: value => Object.entries(value).map(([k, v]) => [k, kind.write(v)]),
});

export type Fields<T> = { [K in keyof T]-?: Kind<T[K]> };

/** `fields`: the names in the order in which they travel. */
export type Struct<T> = Kind<T> & { readonly fields: readonly string[] };

/** Fields in the order in which they travel. `__proto__` cannot be among them: the names are ours. */
export function struct<T extends object>(fields: Fields<T>): Struct<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const appended = names.findIndex(name => 'absent' in fields[name]);
  const needed = appended < 0 ? names.length : appended;
  return {
    fields: names,
    read(value, path) {
      if (!Array.isArray(value)) throw new Bad('type', path, 'is not a record');
      if (value.length < needed) {
        throw new Bad('length', path, `has ${value.length} fields, fewer than ${needed}`);
      }
      const at = (name: string) => (path ? `${path}.${name}` : name);
      const field = (name: keyof T & string, i: number) =>
        i < value.length ? fields[name].read(value[i], at(name)) : fields[name].absent;
      return Object.fromEntries(names.map((name, i) => [name, field(name, i)])) as T;
    },
    write: value => names.map(name => fields[name].write(value[name])),
  };
}
