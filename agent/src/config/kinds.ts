/**
 * The few kinds of value that a configuration has, as plain JSON Schema. The TypeScript types are read off these by
 * TypeBox at compile time; its run-time half stays out of the agent: 300 modules, 13 MB of resident memory.
 */

/** What a number counts; printed in the reference. Where the key alone does not say it, the key ends with it. */
export type Unit =
  | 'ms'
  | 's'
  | 'min'
  | 'h'
  | '%'
  | 'bytes'
  | 'bytes/s'
  | 'MiB'
  | 'cores'
  | 'handoffs'
  | 'nodes'
  | 'W'
  | 'id';

type Range = { unit: Unit; default: number; minimum: number; maximum: number };

/** `form` says in words what `pattern` says to the machine. */
type TextRule = { default?: string; pattern?: string; form?: string };

/** A whole number within limits. */
export const whole = (description: string, range: Range) =>
  ({ type: 'integer', description, ...range }) as const;

export const text = (description: string, rule: TextRule) =>
  ({ type: 'string', description, ...rule }) as const;

export const choice = <const T extends readonly string[]>(
  description: string,
  values: T,
  fallback: NoInfer<T[number]>,
) => ({ enum: values, description, default: fallback }) as const;

export const listOf = <const T extends object>(description: string, items: T, fallback: unknown[] = []) =>
  ({ type: 'array', description, items, default: fallback, uniqueItems: true }) as const;

/** A group of keys, none of which may be unknown. Keys without a default are named in `required`. */
export const section = <const P extends Record<string, object>>(
  description: string,
  properties: P,
  required: (keyof P & string)[] = [],
) =>
  ({
    type: 'object',
    description,
    properties,
    required: required as string[],
    additionalProperties: false,
    default: {},
  }) as const;

export const PATH = { pattern: '^(/|$)', form: 'an absolute path' };
export const FULL_PATH = { pattern: '^/', form: 'an absolute path' };
export const MULTIADDR = {
  pattern: '^/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/[0-9]{1,5}$',
  form: 'like /ip4/198.18.0.2/tcp/7420',
};
