/** The nodes of a run with their agents and VMs: what scenarios and seeded runs both act on. */
import { type Config, parseConfig } from '@shoal/agent/config/config';
import { parseVmSpec } from '@shoal/agent/edge/vmm/spec';
import type { VmSpec } from '@shoal/protocol';
import { SimAgent } from './agent/agent.ts';
import type { Machine } from './world/machine.ts';
import { World, type WorldOptions } from './world/world.ts';

export type VmWanted = {
  name: string;
  node: number;
  memoryMib: number;
  loadMilli: number;
  migration?: 'postcopy' | 'precopy' | 'qemu-postcopy' | 'never';
};

export type ClusterOptions = WorldOptions & {
  /** YAML of a configuration, as people write it; names and addresses are filled in. */
  config: string;
};

/** Whoever wants to give a node its power back looks this often whether he may. */
const LOOK_AGAIN_MS = 100;

const parsed = new Map<string, Config>();

/** Many runs have the same; reading it takes longer than a second of a run. */
function configOf(text: string): Config {
  const config = parsed.get(text) ?? parseConfig(text, 'the configuration of the run');
  parsed.set(text, config);
  return config;
}

export class Cluster {
  readonly world: World;
  readonly agents: SimAgent[];
  readonly specs = new Map<string, VmSpec>();
  readonly #config: Config;

  constructor(options: ClusterOptions) {
    this.world = new World(options);
    this.#config = configOf(options.config);
    const deps = {
      config: (machine: Machine) => this.#configOf(machine),
      inboxOf: (peer: string) => this.agent(peer).inbox,
      wake: (name: string) => this.agent(name).wake('a peer'),
      written: (machine: Machine, shelf: string, key: string, value: unknown) =>
        this.onWritten(machine, shelf, key, value),
    };
    this.agents = this.world.machines.map(machine => new SimAgent(this.world, machine, deps));
  }

  /** Checkers listen here. */
  onWritten: (machine: Machine, shelf: string, key: string, value: unknown) => void = () => undefined;

  agent(node: string): SimAgent {
    const machine = this.world.machine(node);
    return this.agents.find(a => a.machine === machine) as SimAgent;
  }

  /** All agents are up when this resolves. */
  async boot(): Promise<void> {
    for (const agent of this.agents) agent.start();
    await this.world.time.runUntil(this.world.time.nowMs + 200);
  }

  /** Starts a VM as `shoal run` does. */
  create(wanted: VmWanted): VmSpec {
    const { world } = this;
    const spec = parseVmSpec(
      {
        name: wanted.name,
        memory: `${wanted.memoryMib}MiB`,
        migration: wanted.migration ?? 'postcopy',
        disks: [{ path: `/disks/${wanted.name}.img` }],
      },
      world.nextId(),
    );
    this.specs.set(spec.vm, spec);
    world.loads.set(spec.vm, wanted.loadMilli);
    const { node, machine } = this.agents[wanted.node] as SimAgent;
    node?.vms
      .create(spec, () => undefined)
      .catch(error => world.log.line(machine.name, `${spec.name} was not created: ${String(error)}`));
    return spec;
  }

  vm(name: string): VmSpec {
    const found = [...this.specs.values()].find(s => s.name === name);
    if (!found) throw new Error(`there is no VM ${name}`);
    return found;
  }

  /** A move by hand, as `shoal migrate` asks for it, on the node that has the VM. */
  move(name: string, target: string): void {
    const { world } = this;
    const { vm } = this.vm(name);
    const owner = this.agents.find(a => a.node?.vms.get(vm));
    if (!owner?.node) return;
    world.log.line('world', `${name} is to move to ${target}`);
    owner.node.api.migrate(name, target, undefined, false).catch(error => {
      world.log.line(owner.machine.name, `move of ${name} refused: ${(error as Error).message}`);
    });
  }

  cut(a: string, b: string, ways: 'one' | 'both'): void {
    const { network, log } = this.world;
    log.line('world', `link cut from ${a} to ${b}${ways === 'both' ? ' and back' : ''}`);
    network.cut(this.world.machine(a).id, this.world.machine(b).id);
    if (ways === 'both') network.cut(this.world.machine(b).id, this.world.machine(a).id);
  }

  /** `offMs`: it comes back then; undefined = never. */
  powerCut(name: string, offMs: number | undefined): void {
    const { world } = this;
    const agent = this.agent(name);
    const { machine } = agent;
    if (machine.power !== 'on') return;
    agent.end();
    const { lost } = machine.powerCut(world.chance.between(0, 1));
    machine.power = offMs === undefined ? 'off for good' : 'off';
    world.log.line('world', `${name} loses power, and ${lost} writes that were not synced`);
    if (offMs !== undefined) world.time.after(offMs, () => this.powerOn(name));
  }

  /** Its agent starts too. */
  powerOn(name: string): void {
    const agent = this.agent(name);
    const { machine } = agent;
    if (machine.power === 'off' && machine.heldOff > 0) {
      this.world.time.after(LOOK_AGAIN_MS, () => this.powerOn(name));
      return;
    }
    if (machine.power === 'off') {
      machine.power = 'on';
      machine.boots += 1;
      this.world.log.line('world', `${name} has power again`);
    }
    agent.start();
  }

  #configOf(machine: Machine): Config {
    const config = structuredClone(this.#config);
    config.node.name = machine.name;
    config.migration.address = machine.address;
    config.cpu.cores = machine.options.cores;
    config.mesh.peers = this.world.machines.map(m => ({ id: m.id, addresses: [] }));
    return config;
  }
}
