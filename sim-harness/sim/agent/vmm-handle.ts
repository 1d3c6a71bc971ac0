/** A VMM as one life of an agent holds it: commands with their delay, events while the life lasts. */
import type { RunState, Vmm, VmmEvent } from '@shoal/agent';
import type { Engine } from '@shoal/protocol';
import { Stream } from '../world/stream.ts';
import type { SimVmm, VmmSays } from '../world/vmm.ts';
import type { World } from '../world/world.ts';
import type { Life } from './life.ts';

/** A query or command of a monitor, ms. */
const COMMAND_MS = [0.2, 1.5] as const;

export class VmmHandle implements Vmm {
  readonly vm: string;
  readonly pid: number;
  readonly #world: World;
  readonly #life: Life;
  readonly #vmm: SimVmm;
  readonly #listeners = new Set<(event: VmmEvent) => void>();
  #exited = false;

  constructor(world: World, life: Life, vmm: SimVmm) {
    this.#world = world;
    this.#life = life;
    this.#vmm = vmm;
    this.vm = vmm.spec.vm;
    this.pid = vmm.pid;
    vmm.on(says => life.later(world.chance.between(0.05, 1), () => this.#tell(says)));
  }

  on(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    if (this.#exited) queueMicrotask(() => listener({ kind: 'exit', atMs: this.#life.clock.nowMs() }));
    return () => this.#listeners.delete(listener);
  }

  runState(): Promise<RunState> {
    return this.#do('query-status', vmm => vmm.state);
  }

  executeOutOfBand(command: string): Promise<unknown> {
    return this.execute(command);
  }

  execute(command: string): Promise<unknown> {
    return this.#do(command, () => {
      throw new Error(`the simulated VMM does not know ${command}`);
    });
  }

  setCapabilities(_engine: Engine): Promise<void> {
    return this.#do('migrate-set-capabilities', () => undefined);
  }

  incoming(streamSocket: string): Promise<void> {
    return this.#do('migrate-incoming', vmm => {
      vmm.incomingSocket = streamSocket;
    });
  }

  migrate(streamSocket: string): Promise<void> {
    return this.#do('migrate', vmm => {
      const serve = vmm.machine.pageProcesses().find(p => p.session.streamSocket === streamSocket);
      if (!serve || vmm.moving) throw new Error(`Failed to connect to '${streamSocket}'`);
      new Stream(this.#world, vmm, serve);
    });
  }

  migrateContinue(): Promise<void> {
    return this.#do('migrate-continue', vmm => {
      if (!vmm.moving) throw new Error('Migration not in expected state: pre-switchover');
      vmm.moving.continue();
    });
  }

  migrateCancel(): Promise<void> {
    return this.#do('migrate_cancel', vmm => vmm.moving?.cancel());
  }

  migrationStatus(): Promise<{ status: string; raw: Record<string, unknown> }> {
    return this.#do('query-migrate', vmm => ({ status: vmm.status, raw: { status: vmm.status } }));
  }

  cont(): Promise<void> {
    return this.#do('cont', vmm => vmm.cont());
  }

  stop(): Promise<void> {
    return this.#do('stop', vmm => {
      if (vmm.state === 'running') vmm.stand('paused');
    });
  }

  announceSelf(): Promise<void> {
    return this.#do('announce-self', vmm => vmm.announce());
  }

  powerdown(): Promise<void> {
    return this.#do('system_powerdown', vmm => vmm.end('agent'));
  }

  async end(): Promise<void> {
    if (this.#exited) return;
    await this.#life.call(`monitor ${this.pid}`, 'quit', [1, 20], () => this.#vmm.end('agent'));
    this.#tell({ kind: 'exit' });
  }

  #do<T>(what: string, work: (vmm: SimVmm) => T): Promise<T> {
    return this.#life.call(`monitor ${this.pid}`, what, COMMAND_MS, () => {
      if (!this.#vmm.alive) throw new Error(`the monitor is closed: ${what}`);
      return work(this.#vmm);
    });
  }

  #tell(says: VmmSays): void {
    if (this.#exited) return;
    if (says.kind === 'exit') this.#exited = true;
    const event = { ...says, atMs: this.#life.clock.nowMs() };
    for (const listener of [...this.#listeners]) listener(event);
  }
}
