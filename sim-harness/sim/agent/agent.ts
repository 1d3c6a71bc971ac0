/** The real node, wired to a simulated machine; it crashes and starts again like a service of systemd. */
import { createHash } from 'node:crypto';
import type { Config } from '@shoal/agent/config/config';
import type { Metrics } from '@shoal/agent/edge/metrics';
import { startLoop } from '@shoal/agent/edge/mind/loops';
import type { Seal } from '@shoal/agent/edge/registers/seal';
import type { Database } from '@shoal/agent/edge/store/store';
import type { VmRecord } from '@shoal/agent/edge/vms/record';
import { readState } from '@shoal/agent/state';
import { type WiredNode, wireNode } from '@shoal/agent/wire/wire';
import { registerBytes } from '@shoal/protocol';
import { diskDatabase, type WriteFate } from '../world/disk.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import { simHost } from './host.ts';
import { Life } from './life.ts';
import { type Inbox, simMesh } from './mesh.ts';
import { simPageServers } from './page-servers.ts';
import { simPower } from './power.ts';

/** Until a supervisor starts a dead agent again. */
const RESTART_MS: [number, number] = [50, 4000];
const RETENTION_MS = 3_600_000;
const DISK_MS = [0.1, 4] as const;

/** Nobody forges here: whoever signs is who he says. A hash is a hundred times quicker than a signature. */
const SEAL: Seal = {
  sign: register => createHash('sha512').update(registerBytes(register)).digest('hex'),
  verify: register => SEAL.sign(register) === register.signature,
};

const NO_METRICS: Metrics = {
  count: () => undefined,
  total: () => undefined,
  set: () => undefined,
  observe: () => undefined,
  tally: () => undefined,
  clear: () => undefined,
  keepVms: () => undefined,
  text: async () => '',
  contentType: '',
  stop: () => undefined,
};

export type AgentDeps = {
  config(machine: Machine): Config;
  inboxOf(peer: string): Inbox | undefined;
  /** False: nothing there sleeps. */
  wake(name: string): boolean;
  /** Of every synced write that was told as done. */
  written(machine: Machine, shelf: string, key: string, value: unknown): void;
};

export class SimAgent {
  readonly machine: Machine;
  life: Life | undefined;
  inbox: Inbox | undefined;
  /** Once it has taken up its handoffs. */
  node: WiredNode | undefined;
  readonly #world: World;
  readonly #deps: AgentDeps;
  #restart: (() => void) | undefined;

  constructor(world: World, machine: Machine, deps: AgentDeps) {
    this.#world = world;
    this.machine = machine;
    this.#deps = deps;
  }

  get up(): boolean {
    return this.life !== undefined;
  }

  start(): void {
    if (this.up || this.machine.power !== 'on') return;
    this.#restart?.();
    const life = new Life(this.#world, this.machine, where => this.crash(where));
    this.life = life;
    this.#world.log.line(this.machine.name, 'agent starts');
    this.#begin(life).catch(error => {
      if (!life.alive) return;
      this.#world.log.line(this.machine.name, `agent does not start: ${String(error)}`);
      this.crash('its start failed');
    });
  }

  /** Killed, or ended by itself: starts again in a moment. */
  crash(where: string): void {
    if (!this.life) return;
    this.#world.log.line(this.machine.name, `agent dies: ${where}`);
    this.end();
    const { chance, time } = this.#world;
    this.#restart = time.after(chance.between(...RESTART_MS), () => this.start());
  }

  /** Without a word, and nobody starts it again. */
  end(): void {
    const { life } = this;
    this.life = undefined;
    this.inbox = undefined;
    this.node = undefined;
    life?.end();
    this.#restart?.();
    this.machine.disk.reopen();
  }

  /** The machine sleeps: nothing of this life is of any worth when it wakes. */
  suspend(): void {
    const { vmms, sessions } = this.machine;
    if (vmms.size + sessions.size > 0)
      this.#world.truth.violated(`${this.machine.name} sleeps with VMs on it`);
    const others = this.#world.machines.filter(m => m !== this.machine && m.power === 'on');
    if (others.length === 0) this.#world.truth.violated(`${this.machine.name} sleeps, and nobody is awake`);
    this.#world.happened('sleep');
    this.#world.log.line(this.machine.name, 'sleeps');
    this.end();
    this.machine.power = 'asleep';
  }

  /** By a peer, its own clock, or somebody's finger. */
  wake(by: string): boolean {
    if (this.machine.power !== 'asleep') return false;
    this.machine.power = 'on';
    this.#world.happened('wake');
    this.#world.log.line(this.machine.name, `wakes: ${by}`);
    this.start();
    return true;
  }

  async #begin(life: Life): Promise<void> {
    const { machine } = this;
    const world = this.#world;
    const config = this.#deps.config(machine);
    const db = this.#disk(life);
    const log = (level: string) => (fields: object, message: string) =>
      world.log.line(machine.name, `${level} ${message}`, fields);
    const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
    const state = await readState(machine.id, db, RETENTION_MS, life.clock);
    const node = await wireNode(config, {
      clock: life.clock,
      log: logger,
      newId: () => world.nextId(),
      metrics: NO_METRICS,
      bootId: machine.bootId,
      state,
      seal: SEAL,
      host: simHost(world, life),
      pageServers: simPageServers(world, life),
      postcopy: true,
      vmmUid: 0,
      sampled: {
        busy: () => {
          machine.settleCpu();
          return machine.busyMs;
        },
        readNics: () => new Map(),
        readNodeIo: () => ({ diskRead: 0, diskWrite: 0, netRx: 0, netTx: 0 }),
        readVmIo: () => ({ diskRead: 0, diskWrite: 0, netRx: 0, netTx: 0 }),
        readUsage: async pids => {
          machine.settleCpu();
          const found = [...machine.vmms.values()].filter(v => pids.includes(v.pid));
          const usage = (v: (typeof found)[number]) => ({
            ctime: v.cpuMs,
            elapsed: world.time.nowMs - v.bornMs,
            memory: v.spec.memoryMib * 2 ** 20,
          });
          return Object.fromEntries(found.map(v => [v.pid, usage(v)]));
        },
      },
      memoryMib: () => machine.options.memoryMib,
      joinMesh: async validate => {
        const { mesh, inbox } = simMesh(world, life, validate, this.#deps.inboxOf);
        if (life.alive) this.inbox = inbox;
        return mesh;
      },
      httpAddress: () => '',
      power: simPower(world, life, {
        suspend: () => this.suspend(),
        wake: name => this.#deps.wake(name),
      }),
      // A simulated machine that sleeps ends the life of its agent at once.
      endLife: why => this.crash(why),
    });
    await node.takeUp();
    startLoop('heartbeat', config.mesh.reportIntervalMs, node.round, { clock: life.clock, log: logger });
    await node.startOwned();
    this.node = node;
    world.log.line(machine.name, 'agent has started');
  }

  #disk(life: Life): Database {
    const { disk } = this.machine;
    const db = diskDatabase(
      disk,
      (what, work) => life.call('disk', what, DISK_MS, work),
      shelf => this.#fate(shelf),
      (shelf, key, value) => this.#deps.written(this.machine, shelf, key, value),
    );
    if (!this.#world.plants.has('epoch-forgotten')) return db;
    const forgotten = (value: unknown) => ({ ...(value as VmRecord), epoch: 1 });
    return {
      ...db,
      put: (shelf, key, value, sync) => db.put(shelf, key, shelf === 'vm' ? forgotten(value) : value, sync),
    };
  }

  #fate(shelf: string): WriteFate {
    const world = this.#world;
    if (world.plants.has('sync-skipped') && shelf === 'handoff') return 'unsynced';
    if (world.strikes('write-failed')) return 'failed';
    if (world.strikes('write-hidden')) return 'hidden';
    return world.strikes('write-kept') ? 'kept' : 'ok';
  }
}
