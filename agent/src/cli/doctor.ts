/** `shoal doctor` on a terminal: one row a check, and what to do below each that is not well. */
import type { Check } from '../edge/doctor/check.ts';
import type { AgentAnswer } from '../edge/doctor/configuration.ts';
import type { ClusterStatus } from '../edge/http/api.types.ts';
import { ShoalError } from '../errors.ts';
import { usage } from './arguments.ts';
import { Client } from './client.ts';
import { plain } from './format.ts';
import { DEFAULT_CONFIG, DEFAULT_SOCKET } from './places.ts';
import { print, type Shell } from './shell.ts';
import type { Style } from './style.ts';

const NO_NODE = { node: '', tokenFile: '', fingerprint: '', actor: '' };

/** 1 when a check failed. `configPath` undefined = the usual place. */
export async function doctor(shell: Shell, configPath: string | undefined): Promise<0 | 1> {
  if (!shell.client.local)
    throw usage('doctor looks at the machine that it runs on', '--node', 'Run it there, without --node');
  // Only here: the other commands start faster without the schema and all that the checks need.
  const { loadForDoctor } = await import('../edge/doctor/configuration.ts');
  const { examine } = await import('../edge/doctor/doctor.ts');
  const { config, checks: first } = await loadForDoctor(configPath, DEFAULT_CONFIG);
  // Which agent is meant is in the configuration, unless the command line says otherwise.
  const client =
    shell.client.where === DEFAULT_SOCKET
      ? new Client({ ...NO_NODE, socket: config.control.socket })
      : shell.client;
  const checks = [...first, ...(await examine(config, await ask(client)))];
  print(shell, { text: JSON.stringify({ checks }), value: checks }, c => lines(c, shell.style));
  return checks.some(c => c.state === 'fail') ? 1 : 0;
}

async function ask(client: Client): Promise<AgentAnswer> {
  try {
    return { status: (await client.get<ClusterStatus>('/v1/status', 'object')).value, error: '' };
  } catch (error) {
    if (error instanceof ShoalError) return { status: undefined, error: `${error.message} (${error.where})` };
    throw error;
  }
}

function lines(checks: readonly Check[], style: Style): string[] {
  const width = Math.max(...checks.map(c => c.name.length));
  const mark = { ok: style.good('ok  '), warn: style.warn('warn'), fail: style.bad('FAIL') };
  const rows = checks.flatMap(({ name, state, found, todo }) => [
    `${mark[state]}  ${plain(name).padEnd(width)}  ${plain(found)}`,
    ...(todo ? [`${' '.repeat(width + 8)}→ ${plain(todo)}`] : []),
  ]);
  const count = (state: Check['state']) => checks.filter(c => c.state === state).length;
  return [...rows, '', `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed`];
}
