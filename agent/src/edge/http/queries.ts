/** Query parameters: strings by nature, so each is read here by its kind, which the OpenAPI document shows too. */
import { ShoalError } from '../../errors.ts';

/** JSON Schema, as the OpenAPI document has it. `required`: there is no answer without it. */
export type QueryKind = { description: string; required?: true } & (
  | { type: 'integer'; minimum: number; maximum: number; default?: number }
  | { type: 'string'; pattern: string; maxLength: number }
  | { type: 'boolean'; default: boolean }
);
export type QueryKinds = Readonly<Record<string, QueryKind>>;

type ValueOf<K> = K extends { type: 'integer' } ? number : K extends { type: 'boolean' } ? boolean : string;
/** What is not given and has no default is undefined. */
export type Query<K> = {
  [N in keyof K]: K[N] extends { required: true } | { default: unknown }
    ? ValueOf<K[N]>
    : ValueOf<K[N]> | undefined;
};

/** Throws one SHOAL_HTTP_REQUEST. Names that are not known are refused: a misspelt one would be ignored in silence. */
export function queryOf<const K extends QueryKinds>(kinds: K, query: unknown): Query<K> {
  const given = query as Record<string, unknown>;
  const names = Object.keys(kinds);
  const unknown = Object.keys(given).find(name => !names.includes(name));
  if (unknown !== undefined)
    throw fault(
      'no such parameter',
      unknown,
      names.length ? `There are: ${names.join(', ')}` : 'There are none here',
    );
  return Object.fromEntries(
    names.map(name => [name, readValue(name, kinds[name] as QueryKind, given[name])]),
  ) as Query<K>;
}

const fault = (what: string, name: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_HTTP_REQUEST', what, `query.${name}`, todo);

function readValue(name: string, kind: QueryKind, value: unknown): unknown {
  if (value === undefined) {
    if (kind.required) throw fault(`${name} is missing`, name, `Add ?${name}=…`);
    return 'default' in kind ? kind.default : undefined;
  }
  const wrong = (todo: string) => fault(`${name} is ${JSON.stringify(value)}`, name, todo);
  switch (kind.type) {
    case 'integer': {
      const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= kind.minimum && number <= kind.maximum) return number;
      throw wrong(`Give a whole number from ${kind.minimum} to ${kind.maximum}`);
    }
    case 'boolean':
      if (value === 'true' || value === 'false') return value === 'true';
      throw wrong('Give true or false');
    case 'string':
      if (typeof value === 'string' && value.length <= kind.maxLength && new RegExp(kind.pattern).test(value))
        return value;
      throw wrong(`Give what fits ${kind.pattern}`);
  }
}

export const DRY = {
  dryRun: { type: 'boolean', default: false, description: 'Check it, say what it would do, and do nothing.' },
} as const satisfies QueryKinds;

export const LIMIT = {
  limit: { type: 'integer', minimum: 1, maximum: 500, default: 20, description: 'Newest rows to answer.' },
} as const satisfies QueryKinds;
