/**
 * A VMM as a process of its node: it outlives the agent, and behaves as handoff.md says of stock QEMU 7.2 (statements
 * marked *seen* there). What it says to an agent goes through `agent/vmm-handle.ts`.
 */
import type { RunState } from '@shoal/agent';
import type { JournalEntry } from '@shoal/agent/edge/handoff/journal';
import type { VmSpec } from '@shoal/protocol';
import type { Machine } from './machine.ts';
import type { Migration } from './migration.ts';
import { QemuStream } from './qemu-stream.ts';
import type { World } from './world.ts';

export type VmmSays =
  | { kind: 'stop' }
  | { kind: 'resume' }
  | { kind: 'exit' }
  | { kind: 'migration'; status: string };

/** Why a VMM ended. Only `agent` is anybody's decision. */
export type Death = 'agent' | 'killed' | 'power' | 'incoming failed';

/** Newest records with which a guest that stands still must go on standing still. */
const MAY_NOT_RUN = {
  source: ['switching', 'committed'],
  target: ['accepted', 'loading', 'ready', 'not-run'],
};

export class SimVmm {
  readonly pid: number;
  readonly spec: VmSpec;
  readonly machine: Machine;
  alive = true;
  state: RunState;
  /** query-migrate. */
  status = 'none';
  /** Whether the guest ran when the migration stopped it: then a broken stream resumes it. */
  wasRunning = false;
  /**
   * Whose memory it holds: the number of the execution of its VM that left it so; undefined before it has loaded. A
   * memory is current while no other VMM has executed the VM since.
   */
  asOf: number | undefined;
  /** The RAM file that it maps. */
  readonly ramId: number;
  /** Post-copy: where the pages are that it lacks, and how long their transfer takes yet. */
  pagesFrom: { machine: Machine; ramId: number } | undefined;
  missingMs = 0;
  /** Post-copy: the boot of the node that its memory came from. */
  cameFrom: { machine: Machine; boots: number } | undefined;
  /** Where it waits for an incoming migration. */
  incomingSocket = '';
  stream: Migration | undefined;
  /** Its main loop waits for a page of its guest: no command is answered before that comes, but those out of band. */
  deaf = false;
  /** What the guest would use of CPU, thousandths of a core, and what it has used, ms. */
  cpuMs = 0;
  readonly bornMs: number;
  #unheard: (() => void)[] = [];
  readonly #listeners = new Set<(says: VmmSays) => void>();
  readonly #world: World;

  constructor(world: World, machine: Machine, spec: VmSpec, ramId: number, state: RunState) {
    this.#world = world;
    this.machine = machine;
    this.spec = spec;
    this.ramId = ramId;
    this.state = state;
    this.pid = world.nextPid();
    this.bornMs = world.time.nowMs;
  }

  on(listener: (says: VmmSays) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(says: VmmSays): void {
    const { log } = this.#world;
    const what = says.kind === 'migration' ? `migration ${says.status}` : says.kind;
    log.line(this.machine.name, `VMM of ${this.spec.name}: ${what}`);
    for (const listener of [...this.#listeners]) listener(says);
  }

  /** The guest executes from here on. */
  run(): void {
    if (!this.alive || this.state === 'running') return;
    this.machine.settleCpu();
    this.state = 'running';
    this.#world.truth.runs(this);
    if (this.qemu && this.qemu.source !== this) this.qemu.guestRuns();
    this.tell({ kind: 'resume' });
  }

  stand(state: RunState): void {
    this.machine.settleCpu();
    this.state = state;
    this.tell({ kind: 'stop' });
  }

  migrated(status: string): void {
    this.status = status;
    this.tell({ kind: 'migration', status });
  }

  /** The migration that it takes part in, until that is over. */
  get moving(): Migration | undefined {
    return this.stream?.over ? undefined : this.stream;
  }

  /** The newest one, if it is QEMU's own post-copy. */
  get qemu(): QemuStream | undefined {
    return this.stream instanceof QemuStream ? this.stream : undefined;
  }

  /** At once, or when its main loop listens again. */
  whenHeard(run: () => void): void {
    if (this.deaf) this.#unheard.push(run);
    else run();
  }

  hear(): void {
    this.deaf = false;
    for (const run of this.#unheard.splice(0)) run();
  }

  /** `cont`. Throws what QEMU answers when it refuses. */
  cont(): void {
    if (this.state === 'running') return;
    if (this.state === 'finish-migrate') throw new Error('Migration is not finalized yet');
    if (this.state === 'inmigrate') throw new Error('the simulated VMM was told to run before it had loaded');
    this.#mayRun();
    if (this.#world.strikes('cont-refused')) {
      this.#world.log.line(this.machine.name, `VMM of ${this.spec.name}: cont refused`);
      if (this.qemu && this.qemu.source !== this) this.qemu.contRefused();
      throw new Error('Failed to get "write" lock');
    }
    this.run();
  }

  /** By the records on this node's disk, whatever its agent takes for written (handoff.md, Who may decide alone). */
  #mayRun(): void {
    const { vm, name } = this.spec;
    for (const [, row] of this.machine.disk.rows('handoff')) {
      const { offer, role, record, settled } = row as JournalEntry;
      if (offer.vm === vm && !settled && MAY_NOT_RUN[role].includes(record))
        this.#world.truth.violated(`${name}: told to run by a ${role} whose disk says ${record}`);
    }
  }

  /** QEMU sends the guest's address when it has loaded, and not at all after a rollback; this is `announce-self`. */
  announce(): void {
    this.#world.log.line(this.machine.name, `VMM of ${this.spec.name}: announce-self`);
    this.#world.truth.announced(this);
  }

  end(why: Death): void {
    if (!this.alive) return;
    this.machine.settleCpu();
    this.#world.truth.ends(this, why);
    this.alive = false;
    this.state = 'shutdown';
    this.machine.vmms.delete(this.spec.vm);
    this.stream?.vmmEnded(this, why);
    this.hear();
    this.#world.log.line(this.machine.name, `VMM of ${this.spec.name} ends: ${why}`);
    // Nobody is told at the moment itself: a closed monitor or a look at the process table tells.
    this.#world.time.after(this.#world.chance.between(0.5, 20), () => this.tell({ kind: 'exit' }));
  }
}
