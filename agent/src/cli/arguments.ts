/** Arguments of the command line to values; each fault is one SHOAL_CLI_USAGE. */
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Engine, Mode } from '@shoal/protocol';
import { BYTES_PER_SECOND_MAX, capFault } from '../config/page-limits.ts';
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

/** `a, b or c`: as help lists what an option takes. */
export const orList = (words: readonly string[]): string =>
  `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

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

/** All there are: one that is missing here does not compile. */
const KNOWN = { postcopy: true, warm: true, precopy: true, 'qemu-postcopy': true } satisfies Record<
  Engine,
  true
>;
export const ENGINES = Object.keys(KNOWN) as readonly Engine[];

export function engineOf(text: string): Engine {
  if (Object.hasOwn(KNOWN, text)) return text as Engine;
  throw usage('there is no such engine', `--engine ${text}`, `There are: ${ENGINES.join(', ')}`);
}

export const COMPRESSIONS: readonly string[] = ['auto', 'off', 'on'] satisfies Compression[];

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
  // As tc(8) write what links do.
  kbit: 1e3 / 8,
  mbit: 1e6 / 8,
  gbit: 1e9 / 8,
  Mbit: 1e6 / 8,
  Gbit: 1e9 / 8,
};

/**
 * `50MB`, `12.5MiB`, `100mbit` to bytes a second, of which a bare number is a count; 0 = no limit. Throws SHOAL_CLI_USAGE, also for
 * less than a cap may be: `100` is most likely meant as virsh(1) has it, in MiB/s.
 */
export function bandwidthOf(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,12}(?:\.\d{1,3})?)\s?([A-Za-z]{0,4})(?:\/s)?$/.exec(text) ?? [];
  const bytes = amount ? Math.round(Number(amount) * (UNIT_BYTES[unit] ?? Number.NaN)) : Number.NaN;
  const fault = (what: string, todo: string) => usage(what, `--bandwidth ${text}`, todo);
  if (!(bytes <= BYTES_PER_SECOND_MAX))
    throw fault(
      'that is no bandwidth',
      'Write a number and its unit a second: 100MiB, 100mbit; 0 = no limit',
    );
  const low = capFault(bytes);
  if (!low) return bytes;
  const meant = unit === '' && Number(amount) < 10_000 ? amount : '100';
  throw fault(low.what, `Write a larger number or unit, such as ${meant}MiB or ${meant}mbit; 0 = no limit`);
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
