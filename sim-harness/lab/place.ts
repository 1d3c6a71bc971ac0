/** Where each node of a new lab lives: its address, directories, core and groups. */
import { mkdirSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { loadOrCreateIdentity } from '@shoal/agent/edge/mesh/identity';
import { cgroupPlan, type Layout } from './cgroups.ts';
import type { LabOptions } from './config.ts';
import { CLIENTS_MAX } from './network.ts';
import { checkedName, type LabState, labDir, type NodeState } from './state.ts';

/** Addresses .1 to .64 of the lab's subnet; more agents than that is a bench of the mesh, not a lab. */
const MAX_NODES = 64;

/** Throws SHOAL_LAB_ARGS for what no machine, or not this one, can bring up. */
export function checkOptions(options: LabOptions, cores = availableParallelism()): void {
  const { nodes, clients = 0, vmBridge = false } = options;
  checkedName(options.name ?? 'lab');
  const fault = (what: string, where: string, todo: string): never => {
    throw new ShoalError('SHOAL_LAB_ARGS', what, where, todo);
  };
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES)
    fault(`${nodes} is no number of nodes from 1 to ${MAX_NODES}`, 'nodes', 'Mend it');
  if (!Number.isInteger(clients) || clients < 0 || clients > CLIENTS_MAX)
    fault(`${clients} is no number of clients from 0 to ${CLIENTS_MAX}`, 'clients', 'Mend it');
  if (options.net !== 'netns' && (clients > 0 || vmBridge))
    fault('clients, and a bridge for VMs, are made of namespaces', 'net', 'Use netns');
  if (options.cores === 'own' && nodes > cores)
    fault(`${nodes} nodes want a core each, there are ${cores}`, 'cores', 'Use quota');
  if (!/^(none|\d+(\.\d+)?[kmg]bit)$/.test(options.link))
    fault(`"${options.link}" is no rate`, 'link', 'Say none, 1gbit, 100mbit, …');
}

/** Makes its state directory and identity: all agents must know all ids before the first one starts. */
export async function placeNode(
  state: LabState,
  options: LabOptions,
  index: number,
  layout: Layout,
): Promise<NodeState> {
  const planned = state.network?.nodes[index];
  const address = planned?.address ?? `127.0.${labNumber(state.name)}.${index + 1}`;
  const home = join(labDir(state.name), `node${index}`);
  mkdirSync(home, { recursive: true });
  const { peerId } = await loadOrCreateIdentity(home);
  return {
    name: `node${index}`,
    index,
    address,
    http: `http://${address}:7421`,
    peerId,
    stateDir: home,
    // Short: unix socket paths have 108 bytes.
    runDir: join(runRoot(), `shoal-${state.name}`, `n${index}`),
    ramDir: join('/dev/shm', `shoal-${state.name}`, `n${index}`),
    config: join(home, 'shoal.yaml'),
    log: join(home, 'log'),
    netns: planned?.netns ?? '',
    cgroups: cgroupPlan(layout, state.name, index),
    core: layout !== 'none' && options.cores === 'own' ? index : -1,
    agentArgs: options.agentArgs ?? [],
    ...(options.traceReports && { trace: join(home, 'trace') }),
    agent: undefined,
  };
}

export const runRoot = (): string =>
  process.getuid?.() === 0 ? '/run' : (process.env.XDG_RUNTIME_DIR ?? tmpdir());

/** Labs on loopback at the same time get addresses of their own. */
const labNumber = (name: string): number =>
  [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 250, 7) + 1;
