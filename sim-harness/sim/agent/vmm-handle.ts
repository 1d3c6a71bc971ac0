/** A VMM as one life of an agent holds it: commands with their delay, events while the life lasts. */
import { type RunState, ShoalError, type Vmm, type VmmEvent } from '@shoal/agent';
import type { Engine } from '@shoal/protocol';
import type { PageProcess } from '../world/pages.ts';
import { QemuStream } from '../world/qemu-stream.ts';
import { Stream } from '../world/stream.ts';
import type { SimVmm, VmmSays } from '../world/vmm.ts';
import type { World } from '../world/world.ts';
import type { Life } from './life.ts';

/** A query or command of a monitor, ms. */
const COMMAND_MS = [0.2, 1.5] as const;
/** As in `edge/vmm/qmp.ts`. */
const ANSWER_TIMEOUT_MS = 15_000;

export class VmmHandle implements Vmm {
  readonly vm: string;
  readonly pid: number;
  readonly #world: World;
  readonly #life: Life;
  readonly #vmm: SimVmm;
  readonly #listeners = new Set<(event: VmmEvent) => void>();
  /** That it may ask past the main loop is agreed with that loop: an agent that finds it waiting never gets so far. */
  #outOfBand = false;
  #exited = false;

  constructor(world: World, life: Life, vmm: SimVmm) {
    this.#world = world;
    this.#life = life;
    this.#vmm = vmm;
    this.vm = vmm.spec.vm;
    this.pid = vmm.pid;
    vmm.whenHeard(() => {
      this.#outOfBand = true;
    });
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
    const ask = (vmm: SimVmm) => {
      if (!vmm.qemu) throw new Error(`no post-copy for ${command}`);
      if (command === 'migrate-recover') vmm.qemu.recover();
      else if (vmm.status === 'postcopy-active') vmm.qemu.break();
      else throw new Error('migrate-pause is currently only supported during postcopy-active state');
    };
    return this.#outOfBand ? this.#ask(command, ask) : this.#do(command, ask);
  }

  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#do(command, vmm => {
      if (!vmm.qemu) throw new Error(`no post-copy for ${command}`);
      if (command === 'migrate-start-postcopy') vmm.qemu.startPostcopy();
      else vmm.qemu.resume(this.#serverAt(vmm, String(args?.uri).replace(/^unix:/, '')));
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
      const serve = this.#serverAt(vmm, streamSocket);
      if (vmm.moving) throw new Error('There is a migration process in progress');
      const Kind = serve.session.engine === 'qemu-postcopy' ? QemuStream : Stream;
      new Kind(this.#world, vmm, serve);
    });
  }

  #serverAt(vmm: SimVmm, streamSocket: string): PageProcess {
    const serve = vmm.machine.pageProcesses().find(p => p.session.streamSocket === streamSocket);
    if (!serve) throw new Error(`Failed to connect to '${streamSocket}'`);
    return serve;
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
    return this.#do('query-migrate', vmm => ({
      status: vmm.status,
      raw: { status: vmm.status, ram: { 'postcopy-bytes': vmm.qemu?.postcopyBytes ?? 0 } },
    }));
  }

  cont(): Promise<void> {
    return this.#do('cont', vmm => {
      vmm.cont();
      // Its guest may wait for a page at once, and the answer with it.
      return vmm.deaf ? this.#whenHeard('cont', () => undefined) : undefined;
    });
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

  #do<T>(what: string, work: (vmm: SimVmm) => T | Promise<T>): Promise<T> {
    return this.#ask(what, vmm => (vmm.deaf ? this.#whenHeard(what, work) : work(vmm)));
  }

  /** What was asked for is done even when nobody waits for the answer any more. */
  #whenHeard<T>(what: string, work: (vmm: SimVmm) => T | Promise<T>): Promise<T> {
    const vmm = this.#vmm;
    const life = this.#life;
    return new Promise((resolve, reject) => {
      const silent = new ShoalError('SHOAL_VMM_SILENT', `the monitor did not answer ${what}`, this.vm, '');
      life.later(ANSWER_TIMEOUT_MS, () => reject(silent));
      vmm.whenHeard(() => {
        try {
          if (!vmm.alive) throw new Error(`the monitor is closed: ${what}`);
          const result = work(vmm);
          if (life.alive) resolve(result);
        } catch (error) {
          if (life.alive) reject(error);
        }
      });
    });
  }

  /** Past a main loop that waits. */
  #ask<T>(what: string, work: (vmm: SimVmm) => T | Promise<T>): Promise<T> {
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
