/**
 * The two VMMs of one VM in the world of `testing.ts`, its memory on both sides, and the stream between them: what a
 * real VMM does, whatever the tables think. What it does later is told through `later`, what it has done through `tell`.
 */
import assert from '../assert.ts';
import type { SourceEvent } from './source-kinds.ts';
import type { TargetEvent } from './target-kinds.ts';

type Role = 'source' | 'target';

export type VmmsDeps = {
  later(on: Role, run: () => void): void;
  tellSource(event: SourceEvent): void;
  tellTarget(event: TargetEvent): void;
  /** Whether a fault of that kind happens now. */
  happens(fault: 'streamBreaks' | 'contRefused'): boolean;
  half(): boolean;
};

export class Vmms {
  source: 'running' | 'migrating' | 'pre-switchover' | 'postmigrate' | 'dead' = 'running';
  target: 'none' | 'incoming' | 'paused' | 'running' | 'dead' = 'none';
  /** The guest has executed on the target with its memory: from here on the source's copy is old. */
  ranOnTarget = false;
  /** The source's copy of the memory, and whether the target has all of it. */
  sourceMemory = true;
  pagesIn = false;
  readonly #deps: VmmsDeps;
  /** The stream carries the whole memory (pre-copy). */
  readonly #streamIsAll: boolean;

  constructor(streamIsAll: boolean, deps: VmmsDeps) {
    this.#streamIsAll = streamIsAll;
    this.#deps = deps;
  }

  check(): void {
    assert(!(this.source === 'running' && this.target === 'running'), 'the VM runs on two nodes');
  }

  isDead(role: Role): boolean {
    return role === 'source' ? this.source === 'dead' : this.target === 'dead' || this.target === 'none';
  }

  startCold(role: Role): void {
    if (role === 'source') this.source = 'running';
    else this.target = 'running';
    this.check();
  }

  die(role: Role): void {
    if (role === 'source') this.source = 'dead';
    else if (this.target !== 'none') this.target = 'dead';
  }

  freeRam(needed: boolean): void {
    const fetched = !this.sourceMemory || this.pagesIn;
    assert(fetched || !needed, 'the source let go of memory that the target still needed');
    this.sourceMemory = false;
  }

  migrate(): void {
    if (this.source !== 'running') return;
    this.source = 'migrating';
    this.#deps.later('source', () => {
      if (this.source !== 'migrating') return;
      this.source = 'pre-switchover';
      this.#deps.tellSource('pre-switchover');
    });
  }

  /** The source's VMM completes only after the target's has loaded; a stream that breaks in between resumes the guest. */
  stream(): void {
    if (this.source !== 'pre-switchover') return;
    const { later, tellSource, tellTarget, happens, half } = this.#deps;
    const breaks = happens('streamBreaks');
    const loads = !breaks || half();
    if (loads && this.target === 'incoming') {
      this.target = 'paused';
      this.pagesIn = this.#streamIsAll;
      later('target', () => tellTarget('loaded'));
    } else if (this.target === 'incoming') later('target', () => tellTarget('load-failed'));
    later('source', () => {
      if (this.source !== 'pre-switchover') return;
      this.source = breaks || !loads ? 'running' : 'postmigrate';
      tellSource(this.source === 'running' ? 'stream-failed' : 'postmigrate');
    });
  }

  bringBack(wanted: () => boolean): void {
    this.#deps.later('source', () => {
      if (!wanted()) return;
      if (this.source === 'dead') return this.#deps.tellSource('vmm-exit');
      assert(!this.ranOnTarget, 'the source resumed a guest that has run on the target');
      this.source = 'running';
      this.#deps.tellSource('guest-runs');
    });
  }

  cont(wanted: () => boolean): void {
    const { later, tellTarget, happens } = this.#deps;
    later('target', () => {
      if (!wanted()) return;
      if (this.isDead('target')) return tellTarget('vmm-exit');
      if (this.target === 'paused' && happens('contRefused')) return tellTarget('cont-refused-never-ran');
      this.target = 'running';
      this.ranOnTarget = true;
      tellTarget('cont-ok');
    });
  }

  endTarget(): void {
    if (this.target === 'none') return;
    this.target = 'dead';
    this.#deps.later('target', () => this.#deps.tellTarget('vmm-exit'));
  }

  /** The last pages come when they come, as long as there is somebody to send them. */
  fetchPages(): void {
    this.#deps.later('target', () => {
      if (this.sourceMemory && this.target === 'running') this.pagesIn = true;
      if (this.pagesIn) this.#deps.tellTarget('pages-complete');
      else if (this.sourceMemory && this.target === 'running') this.fetchPages();
    });
  }
}
