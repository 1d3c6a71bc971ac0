/** Starts the process of the client. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { clock } from '@shoal/agent/edge/clock';
import type { ClientSpec } from './client.ts';
import { type ClientReport, reportOf } from './client-report.ts';

/** Node takes so long to start beside guests that boot or work. */
const START_MS = 4000;
/** Ahead of guests, as agents are: else it would measure how long it waited for the CPU itself. Only root may. */
const AHEAD = ['nice', '-n', '-15'];

export type RunningClient = {
  /** Outside of all groups of nodes: whoever looks for strangers has to take its time off. */
  pid: number;
  zeroMs: number;
  done: Promise<ClientReport>;
  stop(): void;
};

/** `netns`: empty = where this process is. `path`: what it writes. */
export function startClient(netns: string, spec: Omit<ClientSpec, 'zeroMs'>, path: string): RunningClient {
  const zeroMs = clock.nowMs() + START_MS - spec.plan.beginMs;
  const source = import.meta.url.endsWith('.ts');
  const main = fileURLToPath(new URL(`client-main.${source ? 'ts' : 'js'}`, import.meta.url));
  const [command = '', ...args] = [
    ...(netns ? ['nsenter', `--net=/run/netns/${netns}`] : []),
    ...(process.getuid?.() === 0 ? AHEAD : []),
    ...[process.execPath, ...(source ? ['--conditions=source', '--import', 'tsx'] : []), main],
  ];
  const out = openSync(path, 'w');
  const child = spawn(command, args, { stdio: ['pipe', out, 'inherit'] });
  closeSync(out);
  child.stdin?.on('error', () => undefined); // it has ended: so says `done`
  child.stdin?.write(`${JSON.stringify({ ...spec, zeroMs } satisfies ClientSpec)}\n`);
  const done = once(child, 'exit').then(() => reportOf(readFileSync(path, 'utf8'), path));
  done.catch(() => undefined); // whoever awaits it is told
  return { pid: child.pid ?? 0, zeroMs, done, stop: () => void child.kill() };
}
