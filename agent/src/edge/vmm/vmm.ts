/** One living VMM process under QMP; QEMU and the micro guest alike. */
import type { Engine, VmSpec } from '@shoal/protocol';
import type { Clock } from '../clock.ts';
import { bandwidthFor, capabilitiesFor } from './capabilities.ts';
import { gone, type ProcessId, signal, watchExit } from './processes.ts';
import { Qmp, type QmpEvent } from './qmp.ts';
import type { RunState, Vmm, VmmEvent } from './types.ts';

/** How long `quit` may take; a VMM that waits on a page fault never answers it. */
const QUIT_MS = 1000;
const KILL_MS = 10_000;
/** A closed monitor mostly means a process that is about to be gone. */
const REOPEN_MS = 500;
/** The longest stop that pre-copy may aim at, ms: QEMU's own default, which converges on a 1 Gbit/s link. */
const DOWNTIME_LIMIT_MS = 300;

const KNOWN: readonly string[] = [
  'running',
  'paused',
  'inmigrate',
  'prelaunch',
  'finish-migrate',
  'postmigrate',
  'internal-error',
  'io-error',
  'shutdown',
  'guest-panicked',
];

export class QmpVmm implements Vmm {
  readonly vm: string;
  readonly pid: number;
  readonly #id: ProcessId;
  readonly #driver: VmSpec['driver'];
  #qmp: Qmp;
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: VmmEvent) => void>();
  readonly #unwatch: () => void;
  #exited = false;

  constructor({ vm, driver }: Pick<VmSpec, 'vm' | 'driver'>, id: ProcessId, qmp: Qmp, clock: Clock) {
    this.vm = vm;
    this.#driver = driver;
    this.pid = id.pid;
    this.#id = id;
    this.#qmp = qmp;
    this.#clock = clock;
    this.#use(qmp);
    this.#unwatch = watchExit(id, () => this.#exit());
  }

  on(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    // Who listens late must not wait for an end that has come already.
    if (this.#exited) queueMicrotask(() => listener({ kind: 'exit', atMs: this.#clock.nowMs() }));
    return () => this.#listeners.delete(listener);
  }

  async runState(): Promise<RunState> {
    const { status } = (await this.#qmp.execute('query-status')) as { status: string };
    return KNOWN.includes(status) ? (status as RunState) : 'other';
  }

  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#qmp.execute(command, args);
  }

  executeOutOfBand(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#qmp.executeOutOfBand(command, args);
  }

  async setCapabilities(engine: Engine, _side: 'source' | 'target', capBytesPerSecond = 0): Promise<void> {
    const capabilities = capabilitiesFor(engine, this.#driver);
    await this.#qmp.execute('migrate-set-capabilities', { capabilities });
    await this.#qmp.execute('migrate-set-parameters', {
      ...bandwidthFor(engine, capBytesPerSecond),
      'downtime-limit': DOWNTIME_LIMIT_MS,
    });
  }

  async incoming(streamSocket: string): Promise<void> {
    await this.#qmp.execute('migrate-incoming', { uri: `unix:${streamSocket}` });
  }

  async migrate(streamSocket: string): Promise<void> {
    await this.#qmp.execute('migrate', { uri: `unix:${streamSocket}` });
  }

  async migrateContinue(state: 'pre-switchover' | 'cancelling' = 'pre-switchover'): Promise<void> {
    await this.#qmp.execute('migrate-continue', { state });
  }

  async migrateCancel(): Promise<void> {
    await this.#qmp.execute('migrate_cancel');
  }

  async migrationStatus(): Promise<{ status: string; raw: Record<string, unknown> }> {
    const raw = (await this.#qmp.execute('query-migrate')) as Record<string, unknown>;
    return { status: typeof raw.status === 'string' ? raw.status : 'none', raw };
  }

  async cont(): Promise<void> {
    await this.#qmp.execute('cont');
  }

  async stop(): Promise<void> {
    await this.#qmp.execute('stop');
  }

  /** Tells switches where the guest is now: five announcements, 50 ms apart and growing (QEMU's own defaults). */
  async announceSelf(): Promise<void> {
    await this.#qmp.execute('announce-self', { initial: 50, max: 550, rounds: 5, step: 100 });
  }

  async powerdown(): Promise<void> {
    await this.#qmp.execute('system_powerdown');
  }

  async end(): Promise<void> {
    // It may be deaf (waiting on a fault) or gone already: then the signal decides.
    this.#qmp.execute('quit').catch(() => undefined);
    if (!(await gone(this.#id, QUIT_MS))) {
      signal(this.#id, 'SIGKILL');
      await gone(this.#id, KILL_MS);
    }
    this.#exit();
  }

  #use(qmp: Qmp): void {
    this.#qmp = qmp;
    qmp.onEvent(event => this.#event(event));
    qmp.onClose(why => void this.#closed(why));
  }

  /** Without its monitor a VMM that lives could not be stopped, moved or seen. */
  async #closed(why: string): Promise<void> {
    while (!this.#exited) {
      if (await gone(this.#id, REOPEN_MS)) return this.#exit();
      const qmp = await Qmp.attach(this.#qmp.path).catch(() => undefined);
      if (!qmp) continue;
      if (this.#exited) return qmp.close();
      this.#use(qmp);
      return this.#tell({ kind: 'reopened', why, atMs: this.#clock.nowMs() });
    }
  }

  #event({ event, data }: QmpEvent): void {
    const atMs = this.#clock.nowMs();
    if (event === 'STOP') this.#tell({ kind: 'stop', atMs });
    else if (event === 'RESUME') this.#tell({ kind: 'resume', atMs });
    else if (event === 'SHUTDOWN' && data.guest === true) this.#tell({ kind: 'shutdown', atMs });
    else if (event === 'MIGRATION') this.#tell({ kind: 'migration', status: String(data.status), atMs });
  }

  #exit(): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#unwatch();
    this.#qmp.close();
    this.#tell({ kind: 'exit', atMs: this.#clock.nowMs() });
  }

  #tell(event: VmmEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
