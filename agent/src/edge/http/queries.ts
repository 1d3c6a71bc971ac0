/** Query parameters: strings by nature, so each is taken as a string and turned into a number here. */
import { ShoalError } from '../../errors.ts';

type Query = Record<string, unknown>;

/** A whole number between the limits; the fallback when it is not given. */
export function wholeOf(
  query: unknown,
  name: string,
  limits: { fallback: number; min: number; max: number },
): number {
  const value = (query as Query)[name];
  if (value === undefined) return limits.fallback;
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= limits.min && number <= limits.max) return number;
  throw new ShoalError(
    'SHOAL_HTTP_REQUEST',
    `${name} is ${JSON.stringify(value)}`,
    `query.${name}`,
    `Give a whole number from ${limits.min} to ${limits.max}`,
  );
}

export function textOf(query: unknown, name: string): string {
  const value = (query as Query)[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new ShoalError('SHOAL_HTTP_REQUEST', `${name} is missing`, `query.${name}`, `Add ?${name}=…`);
}

/** `?name=true`; false when it is not given. */
export function flagOf(query: unknown, name: string): boolean {
  const value = (query as Query)[name];
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw new ShoalError(
    'SHOAL_HTTP_REQUEST',
    `${name} is ${JSON.stringify(value)}`,
    `query.${name}`,
    'Give true or false',
  );
}

/** Names that are not known are refused: a misspelt parameter would be ignored in silence. */
export function onlyKnown(query: unknown, names: readonly string[]): void {
  const unknown = Object.keys(query as Query).find(name => !names.includes(name));
  if (unknown === undefined) return;
  const todo = names.length ? `There are: ${names.join(', ')}` : 'There are none here';
  throw new ShoalError('SHOAL_HTTP_REQUEST', 'no such parameter', `query.${unknown}`, todo);
}
