/** Arguments of the command line to values; each fault is one SHOAL_CLI_USAGE. */
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Engine, Mode } from '@shoal/protocol';
import { BYTES_PER_SECOND_MAX } from '../config/kinds.ts';
import { yamlBody } from '../edge/http/body.ts';
import type { Compression } from '../edge/pages/types.ts';
import { ROLES, type Role } from '../edge/people/token.ts';
import { ShoalError } from '../errors.ts';

const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export const usage = (what: string, where: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_CLI_USAGE', what, where, todo);

/** `10m`, `90s`, `1h`, `250ms` to milliseconds. */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d{1,9})\s?(ms|s|min|m|h|d)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  if (ms > 0) return ms;
  throw usage('that is no time', text, 'Write a number and a unit: 90s, 10m, 2h');
}

const LIMIT_MAX = 500;

export function limitOf(text: string): number {
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw usage('that is no number of rows', `--limit ${text}`, `Give a whole number from 1 to ${LIMIT_MAX}`);
}

const ENGINES: readonly string[] = ['postcopy', 'warm', 'precopy', 'qemu-postcopy'] satisfies Engine[];

export function engineOf(text: string): Engine {
  if (ENGINES.includes(text)) return text as Engine;
  throw usage('there is no such engine', `--engine ${text}`, `There are: ${ENGINES.join(', ')}`);
}

const COMPRESSIONS: readonly string[] = ['auto', 'off', 'on'] satisfies Compression[];

export function compressionOf(text: string): Compression {
  if (COMPRESSIONS.includes(text)) return text as Compression;
  throw usage(
    'there is no such compression',
    `--compression ${text}`,
    `There are: ${COMPRESSIONS.join(', ')}`,
  );
}

const UNIT_BYTES: Record<string, number> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `50MB`, `12.5MiB`, `1000000` to bytes a second; 0 = no limit. */
export function bandwidthOf(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,12}(?:\.\d{1,3})?)\s?([A-Za-z]{0,3})(?:\/s)?$/.exec(text) ?? [];
  const bytes = Math.round(Number(amount) * (UNIT_BYTES[unit] ?? Number.NaN));
  if (bytes >= 0 && bytes <= BYTES_PER_SECOND_MAX) return bytes;
  throw usage(
    'that is no bandwidth',
    `--bandwidth ${text}`,
    'Write bytes a second with a unit: 50MB, 12.5MiB; 0 = no limit',
  );
}

export function roleOf(text: string): Role {
  if ((ROLES as readonly string[]).includes(text)) return text as Role;
  throw usage('there is no such role', `--role ${text}`, `There are: ${ROLES.join(', ')}`);
}

const MODES: readonly string[] = ['observe', 'advise', 'auto'] satisfies Mode[];

export function modeOf(text: string): Mode {
  if (MODES.includes(text)) return text as Mode;
  throw usage('there is no such mode', text, `There are: ${MODES.join(', ')}`);
}

/** The spec file's text, `-` = standard input. Rejects with SHOAL_CLI_SPEC_FILE when it is not there or no YAML. */
export async function specText(file: string): Promise<string> {
  const where = file === '-' ? 'standard input' : file;
  const text = await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8')).catch(cause => {
    const what = `the spec cannot be read: ${(cause as Error).message.split(',')[0]}`;
    throw new ShoalError('SHOAL_CLI_SPEC_FILE', what, where, 'Name a YAML file, or - for standard input', {
      cause,
    });
  });
  if (yamlBody(text, 'SHOAL_CLI_SPEC_FILE', where) != null) return text;
  throw new ShoalError(
    'SHOAL_CLI_SPEC_FILE',
    'the spec is empty',
    where,
    'Write name, memory and what to boot',
  );
}
