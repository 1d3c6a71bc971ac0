/** Schemathesis, which drives an HTTP API through its OpenAPI document: a Python program, in a place of its own. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../guest/root.ts';

const exec = promisify(execFile);
const VERSION = '4.32.5';
const INSTALL_MS = 300_000;
/** What must hold whatever is asked: no failure inside, and answers as the document says. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
];
const REQUEST_S = 30;

/** Throws when it cannot be had here: no Python, no package registry. */
export async function schemathesis(): Promise<string> {
  const venv = join(repositoryRoot(), '.cache', 'schemathesis', VERSION);
  const program = join(venv, 'bin', 'schemathesis');
  if (existsSync(program)) return program;
  await exec('python3', ['-m', 'venv', venv], { timeout: INSTALL_MS });
  const pip = ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`];
  await exec(join(venv, 'bin', 'pip'), pip, { timeout: INSTALL_MS });
  return program;
}

export type Driven = { code: number; output: string; cases: number };

/**
 * `url`: where the API answers; `document`: its OpenAPI document. `examples`: so many an operation at most. `without`:
 * operations whose path matches are left out; empty = none.
 */
export async function drive(
  program: string,
  {
    url,
    document,
    headers,
    without,
    examples,
    seed,
  }: {
    url: string;
    document: string;
    headers: readonly string[];
    without: string;
    examples: number;
    seed: number;
  },
): Promise<Driven> {
  const args = [
    ...['run', document, '--url', url, '--checks', CHECKS.join(','), '--tls-verify', 'false'],
    ...['--max-examples', String(examples), '--seed', String(seed), '--continue-on-failure', '--no-shrink'],
    ...['--request-timeout', String(REQUEST_S), '--suppress-health-check', 'all', '--warnings', 'off'],
    ...headers.flatMap(header => ['-H', header]),
    ...(without === '' ? [] : ['--exclude-path-regex', without]),
  ];
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data));
  const code = await new Promise<number>(resolve => child.on('exit', exit => resolve(exit ?? 1)));
  return { code, output, cases: casesOf(output) };
}

/** `Test cases:` of its summary; 0 when there is none. Pure. */
export const casesOf = (output: string): number =>
  Number(/(\d[\d,]*) generated/.exec(output)?.[1]?.replaceAll(',', '') ?? 0);
