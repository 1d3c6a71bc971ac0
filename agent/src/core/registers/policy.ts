/** The rule's numbers as an operator wrote them for the whole mesh, over those of each node's configuration. Pure. */
import { parsedFields } from './parsed.ts';

export const POLICY_KEY = 'mesh/policy';

/** Names and values as in the `policy` section of the configuration. */
export type PolicyNumbers = Readonly<Record<string, number | string>>;

const NUMBERS_MAX = 32;

/** Undefined = it cannot be read; nothing written = no numbers. Whether they are good ones is for the configuration's schema. */
export function policyNumbers(value: string): PolicyNumbers | undefined {
  if (value === '') return {};
  const said = parsedFields(value);
  if (said === undefined) return undefined;
  const entries = Object.entries(said);
  const plain = entries.every(([, v]) => typeof v === 'number' || typeof v === 'string');
  return plain && entries.length <= NUMBERS_MAX ? (Object.fromEntries(entries) as PolicyNumbers) : undefined;
}
