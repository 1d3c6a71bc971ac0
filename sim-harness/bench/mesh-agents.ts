/** Real agents for the mesh bench: one process each, one loopback address each, no VMs, mode `observe`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadOrCreateIdentity } from '@shoal/agent/edge/mesh/identity';
import { TRACE_VARIABLE } from '@shoal/agent/edge/mesh/trace';
import { ShoalError } from '@shoal/agent/errors';
import { stringify } from 'yaml';
import { NODE_ENV, NODE_FLAGS } from '../lab/node.ts';

const MESH_PORT = 7420;
const HTTP_PORT = 7421;

export type Agent = {
  id: string;
  http: string;
  config: string;
  log: string;
  trace: string;
  process?: ChildProcess;
};

/** Writes identities and configurations of `count` agents that know each other. */
export async function prepareAgents(directory: string, count: number): Promise<Agent[]> {
  const agents = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const home = join(directory, `node${i}`);
      mkdirSync(join(home, 'ram'), { recursive: true });
      const { peerId } = await loadOrCreateIdentity(home);
      const file = (name: string) => join(home, name);
      return {
        id: peerId,
        host: hostOf(i),
        home,
        config: file('shoal.yaml'),
        log: file('log'),
        trace: file('trace'),
      };
    }),
  );
  const peers = agents.map(({ id, host }) => ({ id, addresses: [`/ip4/${host}/tcp/${MESH_PORT}`] }));
  agents.forEach(({ host, home, config }, i) => {
    const settings = {
      node: { name: `node${i}`, stateDir: home, runDir: join(home, 'run') },
      mode: 'observe',
      mesh: { listen: [`/ip4/${host}/tcp/${MESH_PORT}`], peers },
      http: { listen: `${host}:${HTTP_PORT}` },
      control: { socket: join(home, 'shoald.sock') },
      memory: { ramDir: join(home, 'ram'), guestMemoryMib: 1024 },
      log: { level: 'warn' },
    };
    writeFileSync(config, stringify(settings));
  });
  return agents.map(({ id, host, config, log, trace }) => ({
    id,
    config,
    log,
    trace,
    http: `http://${host}:${HTTP_PORT}`,
  }));
}

/** Loopback addresses that belong to this process, so that two benches do not meet. */
const hostOf = (i: number): string => `127.${100 + (process.pid % 100)}.${(process.pid >> 7) % 250}.${i + 1}`;

export function startAgent(agent: Agent): void {
  const main = fileURLToPath(import.meta.resolve('@shoal/agent/main'));
  const loader = main.endsWith('.ts') ? ['--import', 'tsx', '--conditions=source'] : [];
  const log = openSync(agent.log, 'a');
  agent.process = spawn(process.execPath, [...NODE_FLAGS, ...loader, main, '--config', agent.config], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...NODE_ENV, [TRACE_VARIABLE]: agent.trace },
  });
  closeSync(log);
}

/** Throws with its last words when an agent that should run has ended. */
export function assertRunning(agents: Agent[]): void {
  for (const { process: child, log, config } of agents) {
    if (!child || (child.exitCode === null && child.signalCode === null)) continue;
    const words = readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' | ');
    throw new ShoalError('SHOAL_BENCH_AGENT', `an agent ended by itself: ${words}`, config, '');
  }
}

export async function kill(agent: Agent, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
  const child = agent.process;
  delete agent.process;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise(resolve => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}
