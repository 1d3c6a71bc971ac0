/**
 * JSON Schema in few words, and the TypeScript type that such a schema stands for. The schemas that check requests and
 * those of the OpenAPI document (JSON Schema 2020-12) are the same objects.
 */

export const text = (minLength = 0, maxLength = 65_536) =>
  ({ type: 'string', minLength, maxLength }) as const;
/** Any text: in answers. */
export const words = { type: 'string' } as const;
export const flag = { type: 'boolean' } as const;
export const number = { type: 'number' } as const;
export const whole = { type: 'integer' } as const;
export const count = { type: 'integer', minimum: 0 } as const;
export const oneOf = <const T extends string>(...values: T[]) => ({ type: 'string', enum: values }) as const;
export const listOf = <const T extends object>(items: T) => ({ type: 'array', items }) as const;
export const mapOf = <const T extends object>(values: T) =>
  ({ type: 'object', additionalProperties: values }) as const;
/** In answers. */
export const anything = {} as const;
export const orNull = <const T extends object>(value: T) => ({ anyOf: [value, { type: 'null' }] }) as const;

/** With what it means, which begins with the unit where it has one: `ms: …`. */
export const said = <const S extends object>(schema: S, description: string) => ({ ...schema, description });

/** Exactly these fields, all of them; in requests those of `optional` may be missing. */
export function object<const P extends Record<string, object>>(properties: P, optional: (keyof P)[] = []) {
  const required = Object.keys(properties).filter(name => !optional.includes(name));
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  } as const;
}

/** What a value of that schema is in TypeScript, with every field there. */
export type Of<S> = S extends { enum: readonly (infer E)[] }
  ? E
  : S extends { anyOf: readonly [infer A, { type: 'null' }] }
    ? Of<A> | null
    : S extends { type: 'string' }
      ? string
      : S extends { type: 'integer' | 'number' }
        ? number
        : S extends { type: 'boolean' }
          ? boolean
          : S extends { type: 'array'; items: infer I }
            ? Of<I>[]
            : S extends { type: 'object'; properties: infer P }
              ? { -readonly [K in keyof P]: Of<P[K]> }
              : S extends { type: 'object'; additionalProperties: infer V }
                ? Record<string, Of<V>>
                : unknown;

/** A VM or node by its name, or by its UUID or peer id. */
export const NAME = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
  description: 'A name, or a UUID or peer id.',
} as const;

/** Nothing else stands in a path. One object for all routes: each schema is compiled once, and a compiled one takes memory. */
const NAMED = { params: object({ name: NAME }) } as const;
export const paramsOf = (path: string): Partial<typeof NAMED> => (path.includes(':name') ? NAMED : {});
