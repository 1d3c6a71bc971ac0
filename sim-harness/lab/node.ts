/** One node of a lab: its agent as a real process, asked over real HTTP. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import { TRACE_VARIABLE } from '@shoal/agent/edge/mesh/trace';
import { gone, isAlive, type ProcessId, signal, startTicks } from '@shoal/agent/edge/vmm/processes';
import { repositoryRoot } from '../guest/root.ts';
import type { NodeCgroups } from './cgroups.ts';
import type { NodeState } from './state.ts';

/**
 * As the service unit starts the agent: a young generation of 2 MiB costs 0.5 points of a core less than one of 1 MiB;
 * one helper thread of V8 instead of four saves 2 MB for half a point; less room for faster code saves 5 MB for another half.
 */
export const NODE_FLAGS = [
  '--max-semi-space-size=2',
  '--max-old-space-size=64',
  '--v8-pool-size=1',
  '--optimize-for-size',
];
/**
 * One arena of glibc's malloc instead of one a thread: 14 MB less resident memory. Its thresholds as they are at the start,
 * which else grow with the largest block that was ever freed (mallopt(3)): what is freed goes back, about 1 MB.
 */
export const NODE_ENV = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
};
/** And ahead of what else wants the cores; only root may. */
const AHEAD = ['nice', '-n', '-15'];
const START_MS = 60_000;
const GONE_MS = 10_000;
/** random(4) */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export class LabNode {
  readonly state: NodeState;
  readonly #save: () => void;

  constructor(state: NodeState, save: () => void) {
    this.state = state;
    this.#save = save;
  }

  get name(): string {
    return this.state.name;
  }
  get index(): number {
    return this.state.index;
  }
  /** Empty on loopback. */
  get netns(): string {
    return this.state.netns;
  }
  get address(): string {
    return this.state.address;
  }
  /** `http://ip:port`, reached from everywhere on this machine. */
  get http(): string {
    return this.state.http;
  }
  get controlSocket(): string {
    return join(this.state.runDir, 'shoald.sock');
  }
  get runDir(): string {
    return this.state.runDir;
  }
  get stateDir(): string {
    return this.state.stateDir;
  }
  get ramDir(): string {
    return this.state.ramDir;
  }
  /** Of the agent; undefined when it was killed. */
  get pid(): number | undefined {
    return this.alive ? this.state.agent?.pid : undefined;
  }
  /** -1 = none in particular. */
  get core(): number {
    return this.state.core;
  }
  get cgroups(): NodeCgroups {
    return this.state.cgroups;
  }
  /** Where its CPU time is counted; empty without cgroups. */
  get usage(): string {
    return this.state.cgroups.usage;
  }
  get alive(): boolean {
    return this.state.agent !== undefined && isAlive(this.state.agent);
  }

  /** Throws SHOAL_LAB_AGENT when it runs already: two agents over one state would fight. */
  start(): void {
    const { netns, config, log, cgroups, agentArgs, trace } = this.state;
    if (this.alive)
      throw new ShoalError('SHOAL_LAB_AGENT', 'its agent runs already', this.name, 'Kill it first');
    const main = join(repositoryRoot(), 'agent', 'dist', 'main.js');
    const ahead = process.getuid?.() === 0 ? AHEAD : [];
    const agent = [...ahead, process.execPath, ...NODE_FLAGS, ...agentArgs, main, '--config', config];
    // Not `ip netns exec`: that mounts another /sys, without the cgroups.
    const [command, ...args] = netns ? ['nsenter', `--net=/run/netns/${netns}`, ...agent] : agent;
    const out = openSync(log, 'a');
    // A shell puts itself into the groups and becomes the agent: nothing of it ever runs outside of them.
    const join_ = cgroups.agent.map(dir => `echo $$ > ${dir}/cgroup.procs`).join(' && ') || ':';
    const shell = ['sh', '-c', `${join_} && ${this.#seeBootId()} exec "$@"`, 'sh', command ?? '', ...args];
    const [first = '', ...rest] = this.#booted ? ['unshare', '--mount', ...shell] : shell;
    const child = spawn(first, rest, {
      detached: true,
      stdio: ['ignore', out, out],
      env: { ...process.env, ...NODE_ENV, ...(trace && { [TRACE_VARIABLE]: trace }) },
    });
    closeSync(out);
    child.on('error', () => undefined); // found out by `ready`
    child.unref();
    this.state.agent = { pid: child.pid ?? 0, startTicks: startTicks(child.pid ?? 0) ?? '' };
    this.#save();
  }

  /** From the next start on the agent finds another boot id, where the kernel shows it: the node was booted anew. */
  changeBootId(): void {
    if (process.getuid?.() !== 0) {
      const what = 'only root can give a node a boot id of its own';
      throw new ShoalError('SHOAL_LAB_ROOT', what, this.name, 'Run it as root');
    }
    writeFileSync(this.#bootIdFile, `${randomUUID()}\n`);
  }

  get #bootIdFile(): string {
    return join(this.stateDir, 'boot-id');
  }
  get #booted(): boolean {
    return existsSync(this.#bootIdFile);
  }

  /** In a mount namespace of the agent's own (mount_namespaces(7)): nothing in the agent knows of labs. */
  #seeBootId(): string {
    return this.#booted ? `mount --bind '${this.#bootIdFile}' ${BOOT_ID} &&` : '';
  }

  /** Until it answers. */
  async ready(): Promise<void> {
    const untilMs = Date.now() + START_MS;
    for (;;) {
      try {
        await this.get('/v1/status');
        return;
      } catch (error) {
        if (!this.alive || Date.now() > untilMs) {
          const what = `the agent did not start: ${(error as Error).message}; ${this.#lastWords()}`;
          throw new ShoalError('SHOAL_LAB_AGENT', what, this.name, '');
        }
      }
      await sleep(50);
    }
  }

  #lastWords(): string {
    return readFileSync(this.state.log, 'utf8').trimEnd().split('\n').slice(-3).join(' | ');
  }

  /** SIGKILL: its VMs and page servers go on. */
  async kill(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const id = this.state.agent as ProcessId | undefined;
    if (!id) return;
    signal(id, name);
    await gone(id, GONE_MS);
    this.state.agent = undefined;
    this.#save();
  }

  /** A read over TCP, from outside, like anybody's. */
  get<T>(path: string): Promise<T> {
    return this.#json<T>('GET', `${this.state.http}${path}`, {}, undefined);
  }

  /** A change over the unix socket. Rejects with the problem's code and sentence. */
  post<T>(path: string, body: object = {}): Promise<T> {
    return this.call<T>('POST', path, body);
  }

  /** Any request over the unix socket. Rejects as `post` does. */
  call<T>(method: string, path: string, body?: object): Promise<T> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return this.#json<T>(method, `http://node${path}`, { socketPath: this.controlSocket }, text);
  }

  #json<T>(method: string, url: string, options: object, body: string | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(url, { method, headers, timeout: 15_000, ...options }, answer => {
        const parts: Buffer[] = [];
        answer.on('data', part => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if ((answer.statusCode ?? 500) < 300) return resolve((text ? JSON.parse(text) : undefined) as T);
          const { code = 'SHOAL_LAB_ANSWER', detail = text, where = url, todo = '' } = safeParse(text);
          reject(new ShoalError(code, detail, where, todo));
        });
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in 15 s')));
      sent.on('error', reject);
      sent.end(body);
    });
  }

  writeConfig(text: string): void {
    writeFileSync(this.state.config, text);
  }
}

function safeParse(text: string): { code?: string; detail?: string; where?: string; todo?: string } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
