/**
 * One migration by QEMU's own post-copy, as `docs/design/qemu-postcopy.md` has seen it: a stream that breaks before the
 * device state is on its way fails, and the source's guest can go on; later both VMMs wait for another one, and the
 * source never runs its guest again. A break in the middle of the device state may end either way, and may find the
 * target with all of it: no word between the two tells what a newer QEMU makes of that.
 */
import type { Migration } from './migration.ts';
import type { PageProcess } from './pages.ts';
import { QemuIncoming } from './qemu-incoming.ts';
import { Transfer } from './transfer.ts';
import type { Death, SimVmm } from './vmm.ts';
import type { World } from './world.ts';

type Phase =
  | 'setup'
  | 'active'
  | 'pre-switchover'
  | 'device'
  | 'serving'
  | 'paused'
  | 'recover'
  | 'stuck'
  | 'over';

const BEFORE_DEVICES: Phase[] = ['setup', 'active', 'pre-switchover'];
/** QEMU looks at the word to switch this seldom at worst. */
const SWITCH_MS: [number, number] = [1, 100];
const DEVICES_MS: [number, number] = [1, 20];
/** All pages of a small guest. */
const TRANSFER_MS: [number, number] = [20, 4000];
/** Both agree on what is missing. */
const AGREE_MS: [number, number] = [2, 20];
/** Until a source hears that nobody listens over there. */
const REFUSED_MS: [number, number] = [20, 200];

export class QemuStream implements Migration {
  phase: Phase = 'setup';
  /** `ram.postcopy-bytes` of query-migrate: the device state is out, and a page behind it. */
  postcopyBytes = 0;
  readonly source: SimVmm;
  #serve: PageProcess;
  readonly #world: World;
  #target: QemuIncoming | undefined;
  #told = false;
  /** The source hears of a break before the switch when it goes on. */
  #cut = false;
  /** The source's VMM ended before the last page had left it. */
  #sourceLost = false;
  readonly #transfer: Transfer;

  constructor(world: World, source: SimVmm, serve: PageProcess) {
    this.#world = world;
    this.source = source;
    this.#serve = serve;
    this.#transfer = new Transfer(world.time, world.chance.between(...TRANSFER_MS), () => this.#complete());
    serve.stream = this;
    source.stream = this;
    source.migrated('setup');
    this.#then([1, 1], () => this.#begin());
  }

  get over(): boolean {
    return this.phase === 'over';
  }

  #begin(): void {
    const fetch = this.#serve.link;
    const target = fetch?.machine.vmms.get(this.source.spec.vm);
    if (!fetch || !target || target.incomingSocket !== fetch.session.streamSocket || target.moving)
      return this.break();
    this.#target = new QemuIncoming(this.#world, target);
    fetch.stream = this;
    target.stream = this;
    this.phase = 'active';
    this.source.migrated('active');
    target.migrated('active');
    if (this.#told) this.startPostcopy();
  }

  /** `migrate-start-postcopy`. */
  startPostcopy(): void {
    this.#told = true;
    if (this.phase !== 'active') return;
    this.#then(SWITCH_MS, () => {
      this.phase = 'pre-switchover';
      this.source.stand('finish-migrate');
      this.source.migrated('pre-switchover');
    });
  }

  continue(): void {
    if (this.phase !== 'pre-switchover') throw new Error('Migration not in expected state: pre-switchover');
    if (this.#cut) return this.#fail('failed');
    this.phase = 'device';
    this.source.migrated('device');
    this.#then([0.2, 2], () => {
      this.source.migrated('postcopy-active');
      this.#target?.vmm.migrated('postcopy-active');
      this.#then(DEVICES_MS, () => {
        if (this.phase !== 'device') return;
        this.#serves();
        this.#loadSoon();
      });
    });
  }

  #serves(): void {
    this.phase = 'serving';
    this.postcopyBytes = 4096;
  }

  #loadSoon(): void {
    const target = this.#target;
    target?.loadSoon(this.source.asOf, () => {
      if (this.phase === 'serving') this.#transfer.go();
      else target.vmm.migrated('postcopy-paused');
    });
  }

  #complete(): void {
    this.phase = 'over';
    this.source.migrated('completed');
    this.source.state = 'postmigrate';
    this.#target?.vmm.migrated('completed');
    this.#target?.vmm.hear();
  }

  guestRuns(): void {
    // It may begin to run after its source ended, and will want what has not come.
    if (this.#sourceLost) this.#lose();
    if (!this.over) this.#target?.runs(() => this.phase === 'serving');
  }

  /** `cont` was refused: a target that has never run it gives up, and the source has no way back. */
  contRefused(): void {
    if (!this.over) this.#lose();
  }

  recover(): void {
    this.#target?.recover();
  }

  cancel(): void {
    if (this.phase === 'device') this.#breakDevices();
    else if (BEFORE_DEVICES.includes(this.phase)) this.#fail('cancelled');
    else this.source.status = 'cancelling';
  }

  break(): void {
    switch (this.phase) {
      case 'setup':
      case 'active':
        return this.#fail('failed');
      case 'pre-switchover':
        this.#cut = true;
        return this.#target?.fail();
      case 'device':
        return this.#breakDevices();
      case 'serving':
        if (!this.#target?.loaded && this.#world.chance.happens(0.5)) this.#loseTarget();
        return this.#pause();
      case 'recover':
        return this.#breakRecovery();
    }
  }

  #fail(status: 'failed' | 'cancelled'): void {
    if (this.over) return;
    const { source } = this;
    this.#target?.fail();
    this.phase = 'over';
    if (!source.alive) return;
    source.migrated(status);
    if (source.state === 'finish-migrate') this.#stands(false);
  }

  /** A source whose migration failed stands where `cont` works, or goes on by itself. */
  #stands(resumes: boolean): void {
    const { source } = this;
    this.#world.time.after(this.#world.chance.between(0.2, 20), () => {
      if (!source.alive || source.state !== 'finish-migrate') return;
      source.state = 'postmigrate';
      if (!resumes) return;
      this.#world.happened('vmm-resumes');
      source.run();
    });
  }

  /** In the middle of the device state: what each side makes of it is its own. */
  #breakDevices(): void {
    const { source } = this;
    const { chance } = this.#world;
    const loads = this.#target?.vmm.alive === true && chance.happens(0.5);
    const fails = source.alive && chance.happens(0.6);
    this.phase = fails || !source.alive ? 'over' : 'paused';
    if (loads) this.#loadSoon();
    else if (fails) this.#target?.fail();
    else this.#loseTarget();
    if (!source.alive) return;
    source.migrated(fails ? 'failed' : 'postcopy-paused');
    if (fails) this.#stands(chance.happens(0.5));
  }

  #pause(): void {
    this.#world.happened('postcopy-paused');
    this.phase = 'paused';
    this.#transfer.halt();
    this.source.migrated('postcopy-paused');
    this.#target?.pause();
  }

  /** `migrate` with `resume`, over another connection. */
  resume(serve: PageProcess): void {
    if (this.phase !== 'paused') throw new Error('Cannot resume if there is no paused migration');
    this.phase = 'recover';
    this.#serve = serve;
    serve.stream = this;
    if (serve.link) serve.link.stream = this;
    this.source.migrated('postcopy-recover');
    const listens = serve.link !== undefined && this.#target?.vmm.alive && this.#target.listens;
    this.#then(listens ? AGREE_MS : REFUSED_MS, () => {
      if (this.phase !== 'recover') return;
      if (!listens) {
        this.phase = 'paused';
        return this.source.migrated('postcopy-paused');
      }
      this.#world.happened('postcopy-recovered');
      this.#serves();
      this.source.migrated('postcopy-active');
      this.#target?.vmm.migrated('postcopy-active');
      this.#target?.vmm.hear();
      if (this.#target?.loaded) this.#transfer.go();
    });
  }

  /**
   * While both agree on what is missing: a source that is never told to resume again, and a target that waits for it, or
   * ends if it had begun to answer. Before they did: as if nothing had been.
   */
  #breakRecovery(): void {
    const began = this.#target?.listens && this.#world.chance.happens(0.7);
    if (this.#target) this.#target.listens = false;
    this.phase = began ? 'stuck' : 'paused';
    if (!began) this.source.migrated('postcopy-paused');
    else if (this.#world.chance.happens(0.5)) this.#loseTarget();
    this.#world.happened(began ? 'recovery-stuck' : 'recovery-broken');
  }

  vmmEnded(vmm: SimVmm, why: Death): void {
    if (this.over) return;
    if (vmm === this.source) return this.#sourceEnded(why);
    if (this.phase === 'setup' || this.phase === 'active') return this.#fail('failed');
    if (this.phase === 'pre-switchover') {
      this.#cut = true;
      return;
    }
    if (!this.#target?.loaded) this.#lose();
    if (this.phase === 'device') this.#breakDevices();
    else if (this.phase === 'serving' || this.phase === 'recover') this.#pause();
  }

  #sourceEnded(why: Death): void {
    const target = this.#target;
    const paused = this.phase === 'paused';
    this.#transfer.halt();
    this.phase = 'over';
    if (!target?.vmm.alive) return;
    if (!target.loaded) return target.fail();
    const { truth } = this.#world;
    const { vm, name } = target.vmm.spec;
    if (target.ran && why === 'agent' && !truth.isHit(vm))
      truth.violated(`${name}: the VMM that had its memory was ended before all of it had been sent`);
    this.#sourceLost = true;
    this.#lose();
    if (!paused) target.vmm.migrated('postcopy-paused');
  }

  /** What the source cannot run any more is not at the target either. */
  #loseTarget(): void {
    this.#lose();
    this.#target?.fail();
  }

  #lose(): void {
    this.#world.truth.spoilt(this.source.spec.vm);
  }

  #then([low, high]: readonly [number, number], next: () => void): void {
    this.#world.time.after(this.#world.chance.between(low, high), () => {
      if (this.over) return;
      if (!this.#world.strikes('stream-break')) return next();
      this.#world.log.line('world', `the migration stream of ${this.source.spec.name} breaks`);
      this.break();
    });
  }
}
