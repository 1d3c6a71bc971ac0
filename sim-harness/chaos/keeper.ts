/**
 * What an operator and the service manager do meanwhile: start an agent that ended, start VMs on which their agent has
 * given up, and give a guest that booted anew its work. And it reads what guests say of themselves.
 */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { GuestPort } from '../lab/index.ts';
import type { Agents } from './agents.ts';
import type { AgentEnd } from './checks/agents.ts';
import { givenUp } from './checks/crashes.ts';
import { lostRecords } from './checks/disks.ts';
import type { Reading } from './checks/readings.ts';
import { monotonicNs, type Violation } from './checks/violation.ts';
import type { Injector } from './faults/inject.ts';
import type { Steps } from './steps.ts';
import { MICRO, QEMU, type World } from './world.ts';

const LOOK_EVERY_MS = 1000;
const COMMAND_MS = 20_000;
const READ_EVERY_MS = 1000;
/** A guest answers in some ms, on a machine that is busy in some hundred; then the question is taken for lost. */
const READ_MS = 5000;

export class Keeper {
  readonly #world: World;
  readonly #injector: Injector;
  readonly #agents: Agents;
  readonly #steps: Steps;
  readonly #guests = new Map<string, GuestPort>();
  /** By VM: the life that has its work. */
  readonly #atWork = new Map<string, string>();
  readonly #busy = new Set<string>();
  /** By VM: why it did not take its work at the last try. */
  readonly #refused = new Map<string, string>();
  readonly #beingRead = new Set<string>();
  #reader: NodeJS.Timeout | undefined;
  #ended = false;
  /** By VM: records that it said were on its disk. */
  readonly records = new Map<string, number>();
  readonly lost: Violation[] = [];
  /** Of all guests, as they came. */
  readonly readings: Reading[] = [];
  /** Agents that ended without having been killed. */
  readonly agentEnds: AgentEnd[] = [];
  /** VMs that were started because their agent had given up on them. */
  startedByHand = 0;

  constructor(world: World, agents: Agents, injector: Injector, steps: Steps) {
    this.#world = world;
    this.#agents = agents;
    this.#steps = steps;
    this.#injector = injector;
  }

  guest(uuid: string): GuestPort {
    const guest =
      this.#guests.get(uuid) ??
      new GuestPort(
        uuid,
        this.#world.lab.nodes.map(n => n.runDir),
      );
    this.#guests.set(uuid, guest);
    return guest;
  }

  /** Resolves after `close`. */
  async run(): Promise<void> {
    this.#reader = setInterval(() => {
      for (const { name, vm } of this.#world.vms) void this.#read(name, this.guest(vm));
    }, READ_EVERY_MS);
    while (!this.#ended) {
      this.#startAgents();
      await this.#startGivenUp();
      this.#giveWork();
      await sleep(LOOK_EVERY_MS);
    }
  }

  close(): void {
    this.#ended = true;
    clearInterval(this.#reader);
    for (const guest of this.#guests.values()) guest.close();
  }

  /** VMs whose present life does not have its work yet, each with the reason if there is one. */
  idle(): string[] {
    this.#world.ledgers.read();
    return this.#world.vms
      .filter(({ name }) => {
        const life = this.#world.ledgers.last(name)?.life;
        return life === undefined || this.#atWork.get(name) !== life;
      })
      .map(({ name }) => `${name} (${this.#refused.get(name) ?? 'not asked yet'})`);
  }

  /** Of a guest that booted anew: what the one before had said must be there. */
  async #startDisk(name: string, guest: GuestPort): Promise<void> {
    const answer = await guest.command('disk /dev/vda start', COMMAND_MS).catch((error: Error) => {
      // Asked again, because the answer was lost on a move or came late: what is on the disk is asked for instead.
      if (!error.message.includes('being written to already')) throw error;
      return guest.command('disk /dev/vda check', COMMAND_MS);
    });
    const found = count(answer);
    this.lost.push(...lostRecords(name, this.records.get(name) ?? 0, found));
    this.records.set(name, found);
  }

  /** One question at a time; a guest that does not answer is not read. */
  async #read(vm: string, guest: GuestPort): Promise<void> {
    if (this.#beingRead.has(vm)) return;
    this.#beingRead.add(vm);
    const askedNs = monotonicNs();
    const said = await guest.glance(READ_MS);
    this.#beingRead.delete(vm);
    if (!said) return;
    const { runDir, boot, work, bad } = said;
    this.readings.push({ vm, node: basename(runDir), boot, work, bad, askedNs, heardNs: monotonicNs() });
  }

  #startAgents(): void {
    for (const node of this.#world.lab.nodes) {
      if (node.alive || this.#injector.isDown(node)) continue;
      this.agentEnds.push(this.#agents.ended(node));
      this.#agents.start(node);
    }
  }

  async #startGivenUp(): Promise<void> {
    for (const node of this.#world.lab.nodes) {
      if (!node.alive || this.#injector.isDown(node)) continue;
      const status = await node.get<ClusterStatus>('/v1/status').catch(() => undefined);
      for (const { vm, name, node: at, state } of status?.vms ?? []) {
        if (at !== node.name || !['crashed', 'lost'].includes(state)) continue;
        if (!givenUp(at, name, this.#steps.crashes)) continue; // its agent has to
        const started = node.post(`/v1/vms/${vm}/actions/start`).then(() => true);
        if (await started.catch(() => false)) this.startedByHand++; // else it is tried again soon
      }
    }
  }

  #giveWork(): void {
    this.#world.ledgers.read();
    for (const { name, vm, disk } of this.#world.vms) {
      const life = this.#world.ledgers.last(name)?.life;
      if (life === undefined || this.#atWork.get(name) === life || this.#busy.has(name)) continue;
      this.#busy.add(name);
      const { filledMib, loadPercent, touchPages } = this.#world.options.driver === 'micro' ? MICRO : QEMU;
      const guest = this.guest(vm);
      const work = async () => {
        await guest.command(`fill ${filledMib}`, COMMAND_MS);
        await guest.command(`touch ${touchPages}`, COMMAND_MS);
        await guest.command(`load ${loadPercent}`, COMMAND_MS);
        if (disk) await this.#startDisk(name, guest);
        // Who died meanwhile has another life by now, and gets its work at the next look.
        this.#atWork.set(name, life);
      };
      void work()
        .catch((error: Error) => this.#refused.set(name, error.message)) // it stands, or died: looked at again
        .finally(() => this.#busy.delete(name));
    }
  }
}

/** `ok disk DEVICE start|check|stop NUMBER`. */
export const count = (answer: string): number => Number(/ (\d+)$/.exec(answer)?.[1] ?? Number.NaN);
