/** The target's VMM in QEMU's own post-copy (`qemu-stream.ts`): loads, runs on what it has, waits, listens again. */
import type { SimVmm } from './vmm.ts';
import type { World } from './world.ts';

const LOAD_MS: [number, number] = [1, 40];
/** A guest that waits for a page inside an access to a device, while pages come. */
const DEAF_MS: [number, number] = [1, 50];
const DEAF = 0.3;

export class QemuIncoming {
  readonly vmm: SimVmm;
  loaded = false;
  /** The guest has executed here. */
  ran = false;
  /** `migrate-recover` was told since the last break. */
  listens = false;
  readonly #world: World;

  constructor(world: World, vmm: SimVmm) {
    this.#world = world;
    this.vmm = vmm;
  }

  /** It has the whole device state of a guest whose memory is `asOf`. */
  loadSoon(asOf: number | undefined, loaded: () => void): void {
    const { time, chance } = this.#world;
    time.after(chance.between(...LOAD_MS), () => {
      if (!this.vmm.alive || this.loaded) return;
      this.loaded = true;
      this.vmm.asOf = asOf;
      this.vmm.state = 'paused';
      loaded();
    });
  }

  /** Its guest runs on what it has, and may stand still over the first page that it lacks, with its VMM's main loop. */
  runs(pagesCome: () => boolean): void {
    this.ran = true;
    const { time, chance } = this.#world;
    if (!chance.happens(DEAF)) return;
    this.vmm.deaf = true;
    if (pagesCome()) time.after(chance.between(...DEAF_MS), () => pagesCome() && this.vmm.hear());
  }

  /** No more pages come. */
  pause(): void {
    this.listens = false;
    if (!this.vmm.alive || !this.loaded) return;
    this.vmm.migrated('postcopy-paused');
    if (this.vmm.state === 'running' && this.#world.chance.happens(DEAF)) this.vmm.deaf = true;
  }

  /** `migrate-recover`, which its main loop need not hear. */
  recover(): void {
    if (this.vmm.status !== 'postcopy-paused')
      throw new Error('Migrate recover can only be run when postcopy is paused.');
    if (this.listens) throw new Error('Migrate recovery is triggered already');
    this.listens = true;
  }

  /** A QEMU that could not load its state exits. */
  fail(): void {
    const { time, chance } = this.#world;
    if (!this.vmm.alive) return;
    if (!this.ran) this.vmm.migrated('failed');
    time.after(chance.between(0.5, 10), () => this.vmm.end(this.ran ? 'killed' : 'incoming failed'));
  }
}
