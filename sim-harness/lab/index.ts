/** A lab: several real agents on one machine, each with its own network, core, memory and state. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { loadOrCreateIdentity } from '@shoal/agent/edge/mesh/identity';
import { isAlive, startTicks } from '@shoal/agent/edge/vmm/processes';
import { ensureGuestImage, type GuestImage } from '../guest/image.ts';
import { type Cores, cgroupLayout, cgroupPlan, makeCgroups } from './cgroups.ts';
import { agentConfig, type LabOptions } from './config.ts';
import { CHANNEL, GuestPort } from './guest-port.ts';
import { cut, freeSubnet, heal, makeBridge, makeNode, type NetworkPlan, networkPlan } from './network.ts';
import { LabNode } from './node.ts';
import { type LabState, labDir, loadLab, type NodeState, saveLab } from './state.ts';
import { nodeProcesses, teardown } from './teardown.ts';

export type { LabOptions } from './config.ts';
export { GuestPort } from './guest-port.ts';
export { LabNode } from './node.ts';

/** All see all: every agent dials every other one first. */
const CONVERGE_MS = 60_000;

export type VmWish = {
  name: string;
  memoryMib: number;
  cmdline?: string;
  migration?: 'postcopy' | 'precopy' | 'never';
  disks?: object[];
  crash?: 'restart' | 'leave';
};

export class Lab {
  readonly state: LabState;
  readonly nodes: LabNode[];
  readonly #image: GuestImage | undefined;
  readonly #guests = new Map<string, GuestPort>();

  constructor(state: LabState, image: GuestImage | undefined) {
    this.state = state;
    this.nodes = state.nodes.map(n => new LabNode(n, () => saveLab(state)));
    this.#image = image;
  }

  get notes(): string[] {
    return this.state.notes;
  }
  get shaped(): boolean {
    return this.state.network !== undefined;
  }

  node(name: string): LabNode {
    const found = this.nodes.find(n => n.name === name);
    if (found) return found;
    const all = this.nodes.map(n => n.name).join(', ');
    throw new ShoalError('SHOAL_LAB_NODE', `there is no node of that name; there are ${all}`, name, '');
  }

  /** A lab guest with the workload on its serial channel. Resolves when its VMM runs, not yet when it has booted. */
  runVm(node: string, wish: VmWish): Promise<{ vm: string; name: string }> {
    const { name, memoryMib, cmdline = '', migration, disks, crash } = wish;
    const boot =
      this.#image && this.state.driver === 'qemu'
        ? {
            boot: {
              kernel: this.#image.kernel,
              initrd: this.#image.initrd,
              cmdline: `console=ttyS0 quiet ${cmdline}`.trim(),
            },
          }
        : {};
    const rest = { ...(migration && { migration }), ...(disks && { disks }), ...(crash && { crash }) };
    const spec = {
      name,
      memory: `${memoryMib}MiB`,
      driver: this.state.driver,
      channels: [CHANNEL],
      ...boot,
      ...rest,
    };
    return this.node(node).post('/v1/vms', spec);
  }

  /** The workload of a VM, once it answers. */
  async guest(name: string): Promise<GuestPort> {
    const status = await this.#anyStatus();
    const vm = status.vms.find(v => v.name === name || v.vm === name)?.vm;
    if (!vm) throw new ShoalError('SHOAL_LAB_GUEST', 'no VM of the lab has that name', name, '');
    const port =
      this.#guests.get(vm) ??
      new GuestPort(
        vm,
        this.nodes.map(n => n.runDir),
      );
    this.#guests.set(vm, port);
    await port.ready();
    return port;
  }

  async #anyStatus(): Promise<ClusterStatus> {
    const node = this.nodes.find(n => n.alive);
    if (!node) throw new ShoalError('SHOAL_LAB_NODE', 'no agent of the lab is alive', this.state.name, '');
    return node.get<ClusterStatus>('/v1/status');
  }

  cut(a: string, b: string): Promise<void> {
    return cut(this.#network(), this.node(a).state.index, this.node(b).state.index);
  }

  heal(a: string, b: string): Promise<void> {
    return heal(this.#network(), this.node(a).state.index, this.node(b).state.index);
  }

  #network(): NetworkPlan {
    if (this.state.network) return this.state.network;
    throw new ShoalError(
      'SHOAL_LAB_NETWORK',
      'links are only cut between namespaces',
      this.state.name,
      'Use --net netns',
    );
  }

  /** VMMs and page servers on a node, from what they left behind, not from its agent. */
  processes(node: string) {
    return nodeProcesses(this.node(node).state);
  }

  /** Until every living agent sees every other one as awake. */
  async converged(timeoutMs = CONVERGE_MS): Promise<void> {
    const untilMs = Date.now() + timeoutMs;
    const living = this.nodes.filter(n => n.alive).map(n => n.state.peerId);
    for (;;) {
      const seen = await Promise.all(
        this.nodes.filter(n => n.alive).map(n => n.get<ClusterStatus>('/v1/status')),
      );
      if (seen.every(s => living.every(id => s.nodes.some(n => n.id === id && n.state === 'awake')))) return;
      if (Date.now() > untilMs)
        throw new ShoalError(
          'SHOAL_LAB_AGENT',
          `not all agents see each other after ${timeoutMs} ms`,
          this.state.name,
          '',
        );
      await sleep(100);
    }
  }

  async down(): Promise<void> {
    for (const guest of this.#guests.values()) guest.close();
    await teardown(this.state);
  }
}

/** Brings a lab up; what an earlier one of that name left is removed first. The harness's end is the lab's end. */
export async function bringUp(
  options: LabOptions,
  say: (line: string) => void = () => undefined,
): Promise<Lab> {
  const { name } = options;
  const before = loadLab(name);
  if (before?.owner && isAlive(before.owner))
    throw new ShoalError(
      'SHOAL_LAB_RUNS',
      `it is in use by process ${before.owner.pid}`,
      `lab ${name}`,
      'Wait for its end',
    );
  if (before) {
    say('removing what an earlier run left');
    await teardown(before);
  }
  const image = options.driver === 'qemu' ? await ensureGuestImage({ progress: say }) : undefined;
  const state: LabState = {
    name,
    owner: { pid: process.pid, startTicks: startTicks(process.pid) ?? '' },
    driver: options.driver,
    network: undefined,
    nodes: [],
    notes: [],
  };
  const root = process.getuid?.() === 0;
  const layout = options.cores === 'none' ? 'none' : cgroupLayout();
  if (options.net === 'netns' && !root)
    state.notes.push('not root: all nodes are on loopback, the links are not shaped');
  if (options.cores !== 'none' && layout === 'none')
    state.notes.push('no cgroups: CPU figures are those of the whole machine');
  const netns = options.net === 'netns' && root;
  if (netns) state.network = networkPlan(name, options.nodes, await freeSubnet());
  for (let i = 0; i < options.nodes; i++)
    state.nodes.push(await nodeState(state, options, i, cgroupPlan(layout, name, i)));
  saveLab(state);
  endWithHarness(state);
  try {
    if (state.network) await makeBridge(state.network);
    for (const node of state.nodes) {
      if (state.network) await makeNode(state.network, node.index, options.link);
      if (layout !== 'none') makeCgroups(layout, node.cgroups, node.index, options.cores);
    }
    const lab = new Lab(state, image);
    for (const node of lab.nodes) {
      node.writeConfig(agentConfig(node.state, state, options, image));
      node.start();
    }
    for (const node of lab.nodes) await node.ready();
    await lab.converged();
    return lab;
  } catch (error) {
    await teardown(state);
    throw error;
  }
}

/** A lab that stands already, left running by `lab -- up`. */
export async function openLab(name: string): Promise<Lab> {
  const state = loadLab(name);
  if (!state) throw new ShoalError('SHOAL_LAB_NONE', 'no lab of that name is up', name, 'npm run lab -- up');
  return new Lab(state, state.driver === 'qemu' ? await ensureGuestImage() : undefined);
}

async function nodeState(
  state: LabState,
  options: LabOptions,
  index: number,
  cgroups: NodeState['cgroups'],
): Promise<NodeState> {
  const planned = state.network?.nodes[index];
  const address = planned?.address ?? `127.0.${labNumber(options.name)}.${index + 1}`;
  const home = join(labDir(options.name), `node${index}`);
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
    runDir: join('/run', `shoal-${options.name}`, `n${index}`),
    ramDir: join('/dev/shm', `shoal-${options.name}`, `n${index}`),
    config: join(home, 'shoal.yaml'),
    log: join(home, 'log'),
    netns: planned?.netns ?? '',
    cgroups,
    agent: undefined,
  };
}

/** Labs on loopback at the same time get addresses of their own. */
const labNumber = (name: string): number =>
  [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 250, 7) + 1;

/** Interrupted by a person or a timeout: the lab goes too. After a SIGKILL the next `up` or `down` does it. */
function endWithHarness(state: LabState): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      if (!state.owner) process.exit(130);
      void teardown(state).finally(() => process.exit(130));
    });
  }
}

export type { Cores };
