/**
 * `/etc/shoal/shoal.yaml`: every key with unit, default, limits and meaning. The types, the checks and
 * `docs/reference/config.md` all come from here.
 */
import type { XStatic } from 'typebox/schema';
import { choice, section } from './kinds.ts';
import { ground } from './schema-node.ts';
import { power } from './schema-power.ts';
import { work } from './schema-work.ts';

const { node, ...rest } = ground;

export const SCHEMA = section('The whole file.', {
  node,
  mode: choice(
    '`observe` only shows, `advise` says what it would do, `auto` does it.',
    ['observe', 'advise', 'auto'],
    'auto',
  ),
  ...rest,
  ...work,
  power,
});

/** Nothing is left out once the defaults are filled in. */
type Filled<T> = T extends (infer U)[]
  ? Filled<U>[]
  : T extends object
    ? { [K in keyof T]-?: Filled<T[K]> }
    : T;

export type Config = Filled<XStatic<typeof SCHEMA>>;
