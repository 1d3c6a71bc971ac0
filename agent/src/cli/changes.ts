/** Commands that change something: all of them over the unix socket. Each says in one line what was done. */
import type { Engine } from '@shoal/protocol';
import { specText, usage } from './arguments.ts';
import { needsSocket } from './client.ts';
import { follow, movedLine } from './follow.ts';
import { duration } from './format.ts';
import { print, type Shell } from './shell.ts';

const ON_VM = {
  start: 'starts',
  stop: 'is asked to power down',
  destroy: 'is destroyed',
  cancel: 'stays here unless its handoff is committed already',
  unpin: 'may be moved by the rule again',
} as const;

const ON_NODE = {
  cordon: 'This node takes no more VMs.',
  uncordon: 'This node takes VMs again.',
} as const;

const vmPath = (vm: string, action: string): string => `/v1/vms/${encodeURIComponent(vm)}/actions/${action}`;

async function change(shell: Shell, path: string, done: string, body?: object): Promise<void> {
  const answer = await shell.client.post(path, 'nothing', JSON.stringify(body ?? {}));
  print(shell, answer, () => [done]);
}

export const onVm = (shell: Shell, vm: string, action: keyof typeof ON_VM): Promise<void> =>
  change(shell, vmPath(vm, action), `${vm} ${ON_VM[action]}.`);

export const onNode = (shell: Shell, action: keyof typeof ON_NODE): Promise<void> =>
  change(shell, `/v1/node/actions/${action}`, ON_NODE[action]);

export const pause = (shell: Shell, ttlMs: number): Promise<void> =>
  change(shell, '/v1/mesh/actions/pause', `No moves by the rule for ${duration(ttlMs)}.`, { ttlMs });

export const resume = (shell: Shell): Promise<void> =>
  change(shell, '/v1/mesh/actions/resume', 'The rule moves VMs again.');

export async function runVm(shell: Shell, file: string): Promise<void> {
  if (!shell.client.local) throw needsSocket(shell.client.where);
  const text = await specText(file);
  const answer = await shell.client.post<{ vm: string; name: string }>(
    '/v1/vms',
    'object',
    text,
    'application/yaml',
  );
  print(shell, answer, ({ name, vm }) => [`${name} runs (${vm}).`]);
}

export type MigrateOptions = { to?: string; engine?: Engine; wait: boolean; timeout?: number };

export async function migrate(shell: Shell, vm: string, options: MigrateOptions): Promise<void> {
  const { to, engine, wait, timeout } = options;
  if (timeout !== undefined && !wait)
    throw usage('--timeout says how long to wait', '--timeout', 'Add --wait');
  const body = JSON.stringify({ ...(to !== undefined && { node: to }), ...(engine && { engine }) });
  const offered = await shell.client.post<{ handoff: string }>(vmPath(vm, 'migrate'), 'object', body);
  const { handoff } = offered.value;
  if (wait) return print(shell, await follow(shell, handoff, timeout ?? 0), h => [movedLine(h)]);
  print(shell, offered, () => [`${vm} moves: handoff ${handoff.slice(0, 8)}. See \`shoal handoffs\`.`]);
}
