/**
 * One migration between two VMMs over the page servers' link, as QEMU does it with `return-path`,
 * `pause-before-switchover` and `late-block-activate` (handoff.md, *seen*): a stream that breaks before the source
 * knows that the target has loaded everything makes the source resume its guest by itself, whatever the target knows.
 */
import { movesPages } from '@shoal/protocol';
import type { Migration } from './migration.ts';
import type { PageProcess } from './pages.ts';
import type { SimVmm } from './vmm.ts';
import type { World } from './world.ts';

type Phase = 'setup' | 'active' | 'pre-switchover' | 'device' | 'loaded' | 'over';

/** Device state alone, and all of memory: from the figures of page-server.md, smaller for small guests. */
const ACTIVE_MS: Record<'postcopy' | 'precopy', [number, number]> = {
  postcopy: [5, 60],
  precopy: [100, 3000],
};
const DEVICES_MS: [number, number] = [3, 40];
/** All pages of a small guest. */
const TRANSFER_MS: [number, number] = [20, 4000];

export class Stream implements Migration {
  phase: Phase = 'setup';
  readonly source: SimVmm;
  readonly #serve: PageProcess;
  readonly #world: World;
  #target: SimVmm | undefined;

  constructor(world: World, source: SimVmm, serve: PageProcess) {
    this.#world = world;
    this.source = source;
    this.#serve = serve;
    serve.stream = this;
    source.stream = this;
    source.wasRunning = source.state === 'running';
    source.migrated('setup');
    this.#then(1, () => this.#begin());
  }

  get over(): boolean {
    return this.phase === 'over';
  }

  #begin(): void {
    const fetch = this.#serve.link;
    const target = fetch?.machine.vmms.get(this.source.spec.vm);
    if (!fetch || !target || target.incomingSocket !== fetch.session.streamSocket || target.moving)
      return this.break();
    this.#target = target;
    fetch.stream = this;
    target.stream = this;
    this.phase = 'active';
    this.source.migrated('active');
    target.migrated('active');
    const engine = fetch.session.engine === 'precopy' ? 'precopy' : 'postcopy';
    this.#then(this.#world.chance.between(...ACTIVE_MS[engine]), () => {
      this.phase = 'pre-switchover';
      this.source.stand('finish-migrate');
      this.source.migrated('pre-switchover');
    });
  }

  continue(): void {
    if (this.phase !== 'pre-switchover') throw new Error('Migration not in expected state: pre-switchover');
    if (movesPages(this.#serve.session.engine) && !this.#serve.frozen)
      this.#world.truth.violated(`${this.source.spec.name}: device state sent before its pages were frozen`);
    this.phase = 'device';
    this.source.migrated('device');
    this.#then(this.#world.chance.between(...DEVICES_MS), () => this.#load());
  }

  #load(): void {
    const target = this.#target as SimVmm;
    this.phase = 'loaded';
    target.asOf = this.source.asOf;
    target.state = 'paused';
    if (movesPages(this.#serve.session.engine)) {
      target.cameFrom = { machine: this.source.machine, boots: this.source.machine.boots };
      target.pagesFrom = { machine: this.source.machine, ramId: this.source.ramId };
      target.missingMs = this.#world.chance.between(...TRANSFER_MS);
    }
    target.migrated('completed');
    if (this.#world.plants.has('autostart')) target.run();
    this.#serve.link?.transfer();
    // The return path's word is still on its way: a link that breaks now leaves two memories that could go on.
    this.#then(this.#world.chance.between(0.3, 2), () => this.#complete());
  }

  #complete(): void {
    this.phase = 'over';
    this.source.migrated('completed');
    // The event comes a moment before the run state.
    this.#world.time.after(1, () => {
      if (this.source.alive && this.source.state === 'finish-migrate') this.source.state = 'postmigrate';
    });
  }

  cancel(): void {
    this.#fail('cancelled');
  }

  break(): void {
    this.#fail('failed');
  }

  vmmEnded(vmm: SimVmm): void {
    if (this.phase === 'over') return;
    if (vmm === this.source) {
      if (this.phase !== 'loaded') this.#failTarget();
      this.phase = 'over';
    } else this.#fail('failed');
  }

  #fail(status: 'failed' | 'cancelled'): void {
    if (this.phase === 'over') return;
    const { source } = this;
    if (this.phase !== 'loaded') this.#failTarget();
    this.phase = 'over';
    if (!source.alive) return;
    source.migrated(status);
    if (source.state !== 'finish-migrate') return;
    this.#world.time.after(this.#world.chance.between(0.2, 20), () => {
      if (!source.alive || source.state !== 'finish-migrate') return;
      if (!source.wasRunning) {
        source.state = 'paused';
        return;
      }
      this.#world.happened('vmm-resumes');
      source.run();
    });
  }

  /** A QEMU that could not load its state exits. */
  #failTarget(): void {
    const target = this.#target;
    if (!target?.alive) return;
    target.migrated('failed');
    this.#world.time.after(this.#world.chance.between(0.5, 10), () => target.end('incoming failed'));
  }

  #then(ms: number, next: () => void): void {
    this.#world.time.after(ms, () => {
      if (this.phase === 'over') return;
      if (this.#world.strikes('stream-break')) {
        this.#world.log.line('world', `the migration stream of ${this.source.spec.name} breaks`);
        this.break();
      } else next();
    });
  }
}
