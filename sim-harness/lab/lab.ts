/** A lab: several real agents on one machine, each with its own network, core, memory and state. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import type { GuestImage } from '../guest/image.ts';
import { CMDLINE } from '../guest/init.ts';
import { CHANNEL, GuestPort } from './guest-port.ts';
import type { Guard } from './harness.ts';
import { cut, cutOneWay, heal, type Link, type NetworkPlan, plug, vmAddress } from './network.ts';
import { LabNode } from './node.ts';
import { type LinkClass, reshape, urgentClassBytes } from './priority.ts';
import { type LabState, labDir, saveLab } from './state.ts';
import { endNode, nodeProcesses, teardown } from './teardown.ts';

/** All see all: every agent dials every other one first. */
const CONVERGE_MS = 60_000;

export type VmWish = {
  name: string;
  memoryMib: number;
  vcpus?: number;
  cmdline?: string;
  migration?: 'postcopy' | 'precopy' | 'qemu-postcopy' | 'never';
  disks?: object[];
  nics?: object[];
  /** Serial channels beside the workload's. */
  channels?: string[];
  crash?: 'restart' | 'leave';
};

export class Lab {
  readonly state: LabState;
  readonly nodes: LabNode[];
  readonly #image: GuestImage | undefined;
  readonly #guard: Guard | undefined;
  readonly #guests = new Map<string, GuestPort>();

  constructor(state: LabState, image: GuestImage | undefined, guard?: Guard) {
    this.#guard = guard;
    this.state = state;
    this.nodes = state.nodes.map(n => new LabNode(n, () => saveLab(state)));
    this.#image = image;
  }

  /** State and logs of all nodes. */
  get dir(): string {
    return labDir(this.state.name);
  }
  get notes(): string[] {
    return this.state.notes;
  }
  get shaped(): boolean {
    return this.state.network?.shaped === true;
  }

  /** From their namespaces VMs are reached, and all nodes: `nsenter --net=/run/netns/NETNS`. */
  get clients(): Link[] {
    return this.state.network?.clients ?? [];
  }

  /** For the VM of that number, counted from 0; its kernel gets it as `shoal.ip=ADDRESS/24`. */
  vmAddress(index: number): string {
    return vmAddress(this.#network(), index);
  }

  node(name: string): LabNode {
    const found = this.nodes.find(n => n.name === name);
    if (found) return found;
    const all = this.nodes.map(n => n.name).join(', ');
    throw new ShoalError('SHOAL_LAB_NODE', `there is no node of that name; there are ${all}`, name, '');
  }

  /** A lab guest with the workload on its serial channel. Resolves when its VMM runs, not yet when it has booted. */
  runVm(node: string, wish: VmWish): Promise<{ vm: string; name: string }> {
    const { name, memoryMib, vcpus, cmdline = '', migration, disks, nics, channels = [], crash } = wish;
    const boot =
      this.#image && this.state.driver === 'qemu'
        ? {
            boot: {
              kernel: this.#image.kernel,
              initrd: this.#image.initrd,
              cmdline: `${CMDLINE} ${cmdline}`.trim(),
            },
          }
        : {};
    const rest = {
      ...(vcpus && { vcpus }),
      ...(migration && { migration }),
      ...(disks && { disks }),
      ...(nics && { nics }),
      ...(crash && { crash }),
    };
    const spec = {
      name,
      memory: `${memoryMib}MiB`,
      driver: this.state.driver,
      channels: [CHANNEL, ...channels],
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

  /** Nothing that `from` sends arrives at `to`. */
  cutOneWay(from: string, to: string): Promise<void> {
    return cutOneWay(this.#network(), this.node(from).state.index, this.node(to).state.index);
  }

  heal(a: string, b: string): Promise<void> {
    return heal(this.#network(), this.node(a).state.index, this.node(b).state.index);
  }

  /** The node's cable: pulled out, or in again. */
  plug(name: string, inOrOut: 'up' | 'down'): Promise<void> {
    return plug(this.#network(), this.node(name).state.index, inOrOut);
  }

  /** All links from now on: of this rate, with or without a class for what is urgent. */
  reshape(rate: string, kind: LinkClass): Promise<void> {
    return reshape(this.#network(), rate, kind);
  }

  /** What went by that class since it was made. */
  urgentClassBytes(): Promise<number> {
    return urgentClassBytes(this.#network());
  }

  #network(): NetworkPlan {
    if (this.state.network) return this.state.network;
    throw new ShoalError(
      'SHOAL_LAB_NETWORK',
      'all of the lab is on loopback, without links',
      this.state.name,
      'Use --net netns',
    );
  }

  /** SIGKILL of the agent; the node's VMs and page servers go on. */
  kill(name: string): Promise<void> {
    return this.node(name).kill();
  }

  /** Starts the agent of a node again. Resolves when it answers. */
  async startAgent(name: string): Promise<void> {
    const node = this.node(name);
    node.start();
    await node.ready();
  }

  /** The node loses its power: all its processes, `/run` and guest memory go; what its disk has stays. Its agent does
   * not start by itself. */
  async powerFail(name: string): Promise<void> {
    const node = this.node(name);
    await node.kill();
    await endNode(node.state);
    node.changeBootId();
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
    this.#guard?.release();
  }

  /** The lab outlives this process; the next `openLab` finds it. */
  leave(): void {
    for (const guest of this.#guests.values()) guest.close();
    this.state.owner = undefined;
    saveLab(this.state);
    this.#guard?.release();
  }
}
