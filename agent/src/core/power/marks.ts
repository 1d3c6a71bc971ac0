/**
 * Credentials that an AMT refused, as one register `credential/NODE` of each node that tried: names of sleepers, with the number that the
 * operator gave the password, and nothing that is made of it. AMT counts failed logins, so a mesh tries a wrong one once. Pure.
 */
import { REGISTER_VALUE_BYTES_MAX, type Register } from '@shoal/protocol';
import { parsedFields } from '../registers/parsed.ts';

const KIND = 'credential';

export const credentialKey = (author: string): string => `${KIND}/${author}`;

/** Names and versions; empty where a value cannot be read. */
function marksOf(value: string): Record<string, number> {
  const entries = Object.entries(parsedFields(value) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => Number.isInteger(entry[1])));
}

/** This node's mark with one more in it; the oldest go where there is no room for all. */
export function marked(value: string, name: string, version: number): string {
  const { [name]: _, ...others } = marksOf(value);
  const all = Object.entries({ ...others, [name]: version });
  while (JSON.stringify(Object.fromEntries(all)).length > REGISTER_VALUE_BYTES_MAX) all.shift();
  return JSON.stringify(Object.fromEntries(all));
}

/** Whether any node has had that version of the password for that node refused. */
export const isCredentialRefused = (registers: readonly Register[], name: string, version: number): boolean =>
  registers.some(({ key, value }) => key.split('/')[0] === KIND && marksOf(value)[name] === version);
