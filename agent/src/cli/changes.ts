/** Commands that change something. Each says in one line what was done, or would be. */
import type { Engine } from '@shoal/protocol';
import type { DoubtStatus, Moving, Resolved, Would } from '../edge/http/api.types.ts';
import type { Compression } from '../edge/pages/types.ts';
import { modeOf, specText, usage } from './arguments.ts';
import { needsHttps } from './client.ts';
import { follow, movedLine } from './follow.ts';
import { duration, plain, remaining } from './format.ts';
import { print, type Shell } from './shell.ts';

const ON_VM = {
  start: 'runs',
  destroy: 'is destroyed',
  cancel: 'stays here unless its handoff is committed already',
  unpin: 'may be moved by the rule again',
} as const;

const ON_NODE = {
  cordon: 'This node takes no more VMs.',
  uncordon: 'This node takes VMs again.',
} as const;

/** A command that takes longer says what it waits for: silence looks like a fault. */
const NOTE_AFTER_MS = 2000;

const vmPath = (vm: string, action: string): string => `/v1/vms/${encodeURIComponent(vm)}/actions/${action}`;

type Wish<T> = {
  path: string;
  /** In words, when it is done. */
  done(answer: T): string;
  form?: 'object' | 'nothing';
  body?: string;
  type?: string;
  /** What is waited for when it takes long. */
  waits?: string;
};

export async function change<T>(shell: Shell, dry: boolean, wish: Wish<T>): Promise<void> {
  const { path, done, form = 'nothing', body = '{}', type, waits = '' } = wish;
  if (dry) {
    const answer = await shell.client.post<Would>(`${path}?dryRun=true`, 'object', body, type);
    return print(shell, answer, ({ would }) => [`Would ${would}.`]);
  }
  const timer = setTimeout(() => waits && shell.note(`${waits} …\n`), NOTE_AFTER_MS);
  try {
    print(shell, await shell.client.post<T>(path, form, body, type), value => [done(value)]);
  } finally {
    clearTimeout(timer);
  }
}

export const onVm = (shell: Shell, dry: boolean, vm: string, action: keyof typeof ON_VM): Promise<void> =>
  change(shell, dry, {
    path: vmPath(vm, action),
    done: () => `${vm} ${ON_VM[action]}.`,
    waits: `${action} of ${vm}`,
  });

export const stop = (shell: Shell, dry: boolean, vm: string): Promise<void> =>
  change<{ forced: boolean }>(shell, dry, {
    path: vmPath(vm, 'stop'),
    form: 'object',
    done: ({ forced }) =>
      forced ? `${vm} did not power down in time and was ended.` : `${vm} has powered down.`,
    waits: `waiting for ${vm} to power down`,
  });

export const onNode = (shell: Shell, dry: boolean, action: keyof typeof ON_NODE): Promise<void> =>
  change(shell, dry, { path: `/v1/node/actions/${action}`, done: () => ON_NODE[action] });

export const sleepNode = (shell: Shell, dry: boolean, test: boolean): Promise<void> =>
  change(shell, dry, {
    path: '/v1/node/actions/sleep',
    body: JSON.stringify({ test }),
    done: () => 'The other nodes are asked; see `shoal nodes` on one of them.',
  });

export const wakeNode = (shell: Shell, dry: boolean, node: string): Promise<void> =>
  change(shell, dry, {
    path: `/v1/nodes/${encodeURIComponent(node)}/actions/wake`,
    done: () => `${node} is called; see \`shoal nodes\`.`,
  });

export const pause = (shell: Shell, dry: boolean, ttlMs: number): Promise<void> =>
  change(shell, dry, {
    path: '/v1/mesh/actions/pause',
    body: JSON.stringify({ ttlMs }),
    done: () => `No moves by the rule for ${duration(ttlMs)}.`,
  });

export const resume = (shell: Shell, dry: boolean): Promise<void> =>
  change(shell, dry, { path: '/v1/mesh/actions/resume', done: () => 'The rule moves VMs again.' });

export const mode = (shell: Shell, dry: boolean, wanted: string): Promise<void> =>
  change(shell, dry, {
    path: '/v1/node/actions/mode',
    body: JSON.stringify({ mode: modeOf(wanted) }),
    done: () => `The mode of this node is ${wanted}.`,
  });

export async function runVm(shell: Shell, dry: boolean, file: string): Promise<void> {
  if (!shell.client.mayChange) throw needsHttps(shell.client.where);
  await change<{ vm: string; name: string }>(shell, dry, {
    path: '/v1/vms',
    form: 'object',
    body: await specText(file),
    type: 'application/yaml',
    done: ({ name, vm }) => `${name} runs (${vm}).`,
    waits: 'starting its VMM',
  });
}

export type ResolveOptions = { peerIsOff: boolean; fromDisk: boolean; dryRun: boolean };

/** Without a word it only tells what is known. */
export async function resolve(shell: Shell, vm: string, options: ResolveOptions): Promise<void> {
  const { peerIsOff, fromDisk, dryRun } = options;
  if (peerIsOff && fromDisk)
    throw usage('one word at a time', '--from-disk', 'See `shoal resolve` without one');
  if (!peerIsOff && !fromDisk) {
    if (dryRun)
      throw usage('without a word nothing would be done', '--dry-run', 'Add --peer-is-off or --from-disk');
    const known = await shell.client.get<DoubtStatus>(`/v1/vms/${encodeURIComponent(vm)}/doubt`, 'object');
    return print(shell, known, d => d.sentences.map(plain));
  }
  await change<Resolved>(shell, dryRun, {
    path: vmPath(vm, 'resolve'),
    form: 'object',
    body: JSON.stringify({ word: peerIsOff ? 'peer-is-off' : 'from-disk' }),
    done: ({ handoff }) => `${vm} starts here from its disks: handoff ${handoff.slice(0, 8)} is resolved.`,
    waits: 'writing that down',
  });
}

export type MigrateOptions = {
  engine?: Engine;
  compression?: Compression;
  bandwidth?: number;
  earlyRelease: boolean;
  wait: boolean;
  timeout?: number;
  dryRun: boolean;
};

export async function migrate(
  shell: Shell,
  vm: string,
  node: string | undefined,
  options: MigrateOptions,
): Promise<void> {
  const { engine, compression, bandwidth, earlyRelease, wait, timeout, dryRun } = options;
  if (timeout !== undefined && !wait)
    throw usage('--timeout says how long to wait', '--timeout', 'Add --wait');
  const path = vmPath(vm, 'migrate');
  const body = JSON.stringify({
    ...(node !== undefined && { node }),
    ...(engine && { engine }),
    ...(compression && { compression }),
    ...(bandwidth !== undefined && { bulkBytesPerSecond: bandwidth }),
    ...(earlyRelease && { earlyRelease: 'on' }),
  });
  if (wait && !dryRun) {
    const moving = (await shell.client.post<Moving>(path, 'object', body)).value;
    const ended = await follow(shell, vm, moving, timeout ?? 0);
    return print(shell, ended, h => [movedLine(h, shell.plain)]);
  }
  const pinned = (ms: number) => (ms > 0 ? ` and is pinned there for ${remaining(ms)}` : '');
  await change<Moving>(shell, dryRun, {
    path,
    form: 'object',
    body,
    done: ({ handoff, node, pinnedMs }) =>
      `${vm} moves to ${node}${pinned(pinnedMs)}: handoff ${handoff.slice(0, 8)}. See \`shoal handoffs\`.`,
  });
}
