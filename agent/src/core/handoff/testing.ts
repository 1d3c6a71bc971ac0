/**
 * Two tables, two VMMs, a bad network and two journals in one process: for tests that look for a run in which the
 * rules of handoff.md break. Everything follows from one seed. What a part really does (a VMM that resumes by itself, a
 * write that failed but is on the disk) is decided here, never by the tables.
 */
import assert from '../assert.ts';
import { sourceAnswer, strangerAnswer, targetAnswer } from './answers.ts';
import { step } from './cells.ts';
import { recoverSource, recoverTarget } from './recover.ts';
import { SOURCE, SOURCE_ONLY_IN, type SourceEffect, type SourceEvent, type SourceState } from './source.ts';
import { TARGET, TARGET_ONLY_IN, type TargetEffect, type TargetEvent, type TargetState } from './target.ts';
import { chance, type Faults } from './testing-faults.ts';

/** The tables under test: the real ones, or with a fault planted. */
export type Tables = { source: typeof SOURCE; target: typeof TARGET };

type Task = { to: 'source' | 'target'; life: number; run(): void; message?: boolean };
type Journal = { record: string; wanted: string };

export class TwoNodes {
  readonly random: () => number;
  faults: Faults;
  source: SourceState = 'offered';
  target: TargetState = 'judging';
  sourceVmm: 'running' | 'migrating' | 'pre-switchover' | 'postmigrate' | 'dead' = 'running';
  targetVmm: 'none' | 'incoming' | 'paused' | 'running' | 'dead' = 'none';
  /** The guest has executed on the target: from here on the source's copy is old. */
  ranOnTarget = false;
  up = { source: true, target: true };
  readonly journal: Record<'source' | 'target', Journal> = {
    source: { record: 'none', wanted: '' },
    target: { record: 'none', wanted: '' },
  };
  readonly trail: string[] = [];
  #life = { source: 0, target: 0 };
  readonly #tables: Tables;
  #tasks: Task[] = [];
  #writes: Record<'source' | 'target', (() => void)[]> = { source: [], target: [] };

  constructor(seed: number, faults: Faults, tables: Tables = { source: SOURCE, target: TARGET }) {
    this.#tables = tables;
    this.random = chance(seed);
    this.faults = faults;
    this.#later('target', () => this.onTarget('judged-yes'));
  }

  get idle(): boolean {
    return this.#tasks.length === 0;
  }

  /** One step of the world: something that is due happens, or a fault does. */
  step(): void {
    const { crash, vmmDies, cancel } = this.faults;
    if (this.#happens(crash)) this.#crash(this.random() < 0.5 ? 'source' : 'target');
    if (this.#happens(vmmDies)) this.#kill(this.random() < 0.5 ? 'source' : 'target');
    if (this.#happens(cancel)) this.random() < 0.5 ? this.onSource('cancel') : this.onTarget('cancel');
    for (const side of ['source', 'target'] as const)
      if (!this.up[side] && this.random() < 0.3) this.#restart(side);
    if (this.#tasks.length === 0 || this.random() < 0.1) this.#tick();
    const [task] = this.#tasks.splice(Math.floor(this.random() * this.#tasks.length), 1);
    if (!task || !this.up[task.to] || (task.life !== this.#life[task.to] && !task.message)) return;
    if (task.message && this.#happens(this.faults.loss)) return;
    if (task.message && this.#happens(this.faults.duplicate)) this.#tasks.push({ ...task });
    task.run();
  }

  #tick(): void {
    this.onSource('resend');
    this.onTarget('resend');
    if (this.random() < 0.05) this.onSource('deadline');
    if (this.random() < 0.05) this.onTarget('deadline');
  }

  onSource(event: SourceEvent): void {
    if (!this.up.source) return;
    const { state, effects, answer } = step(this.#tables.source, this.source, event);
    if (state !== this.source) this.trail.push(`S ${this.source} --${event}--> ${state}`);
    this.source = state;
    if (answer) this.#sourceSays(sourceAnswer(state));
    for (const effect of effects) this.#doSource(effect);
    this.#check();
  }

  onTarget(event: TargetEvent): void {
    if (!this.up.target) return;
    const { state, effects, answer } = step(this.#tables.target, this.target, event);
    if (state !== this.target) this.trail.push(`T ${this.target} --${event}--> ${state}`);
    this.target = state;
    if (answer) this.#targetSays(targetAnswer(state));
    for (const effect of effects) this.#doTarget(effect);
    this.#check();
  }

  #check(): void {
    const { sourceVmm, targetVmm, ranOnTarget } = this;
    assert(!(sourceVmm === 'running' && targetVmm === 'running'), 'the VM runs on two nodes');
    assert(
      !(sourceVmm === 'running' && ranOnTarget),
      'the source resumed a guest that has run on the target',
    );
  }

  #happens(share: number): boolean {
    return share > 0 && this.random() < share;
  }

  #later(to: 'source' | 'target', run: () => void, message = false): void {
    this.#tasks.push({ to, life: this.#life[to], run, message });
  }

  #sourceSays(word: string): void {
    this.#later('target', () => this.#hear('target', word), true);
  }

  #targetSays(word: string): void {
    this.#later('source', () => this.#hear('source', word), true);
  }

  /** A side that is gone answers as any node does about a handoff it has no part in. */
  #hear(side: 'source' | 'target', word: string): void {
    const known = side === 'source' ? this.source !== 'gone' : this.target !== 'gone';
    // A peer without a record has ended.
    const event = word === 'no-record' ? 'ended' : word;
    if (known)
      return side === 'source' ? this.onSource(event as SourceEvent) : this.onTarget(event as TargetEvent);
    const answer = word === 'no-record' ? 'nothing' : strangerAnswer(word);
    if (answer === 'nothing') return;
    if (side === 'source') this.#sourceSays(answer);
    else this.#targetSays(answer);
  }

  #write(side: 'source' | 'target', effect: string): void {
    const journal = this.journal[side];
    if (effect !== 'write-again') journal.wanted = effect.slice('write-'.length);
    const record = journal.wanted;
    const life = this.#life[side];
    const tell = (event: 'written' | 'write-failed') =>
      side === 'source' ? this.onSource(event) : this.onTarget(event);
    this.#inOrder(side, () => {
      if (life !== this.#life[side]) return; // asked for by an agent that crashed before it got there
      if (this.#happens(this.faults.writeFails)) {
        if (this.random() < 0.5) journal.record = record; // not synced as far as anybody knows, and yet there
        return tell('write-failed');
      }
      journal.record = record;
      const state = side === 'source' ? this.source : this.target;
      if (journal.wanted === record && state === `w-${record}`) tell('written');
    });
  }

  /** One journal write after the other, as they were asked for. */
  #inOrder(side: 'source' | 'target', write: () => void): void {
    this.#writes[side].push(write);
    this.#later(side, () => this.#writes[side].shift()?.());
  }

  #doSource(effect: SourceEffect): void {
    if (effect.startsWith('write-')) return this.#write('source', effect);
    if (effect.startsWith('send-')) return this.#sourceSays(effect.slice('send-'.length));
    if (effect === 'start-pages') this.#later('source', () => this.onSource('pages-up'));
    else if (effect === 'migrate') this.#migrate();
    else if (effect === 'switch-over') this.#stream();
    else if (effect === 'bring-back') this.#bringBack();
    else if (effect === 'end-vmm') this.sourceVmm = 'dead';
    else if (effect === 'forget')
      this.#inOrder('source', () => {
        this.journal.source.record = 'none';
      });
  }

  #migrate(): void {
    if (this.sourceVmm !== 'running') return;
    this.sourceVmm = 'migrating';
    this.#later('source', () => {
      if (this.sourceVmm !== 'migrating') return;
      this.sourceVmm = 'pre-switchover';
      this.onSource('pre-switchover');
    });
  }

  /** The source's VMM completes only after the target's has loaded; a stream that breaks in between resumes the guest. */
  #stream(): void {
    if (this.sourceVmm !== 'pre-switchover') return;
    const breaks = this.#happens(this.faults.streamBreaks);
    const loads = !breaks || this.random() < 0.5;
    if (loads && this.targetVmm === 'incoming') {
      this.targetVmm = 'paused';
      this.#later('target', () => this.onTarget('loaded'));
    } else if (this.targetVmm === 'incoming') this.#later('target', () => this.onTarget('load-failed'));
    this.#later('source', () => {
      if (this.sourceVmm !== 'pre-switchover') return;
      this.sourceVmm = breaks || !loads ? 'running' : 'postmigrate';
      this.onSource(this.sourceVmm === 'running' ? 'stream-failed' : 'postmigrate');
    });
  }

  #bringBack(): void {
    this.#later('source', () => {
      if (!SOURCE_ONLY_IN['bring-back']?.includes(this.source)) return;
      if (this.sourceVmm === 'dead') return this.onSource('vmm-exit');
      this.sourceVmm = 'running';
      this.onSource('guest-runs');
    });
  }

  #doTarget(effect: TargetEffect): void {
    if (effect.startsWith('write-')) return this.#write('target', effect);
    if (effect.startsWith('send-')) return this.#targetSays(effect.slice('send-'.length));
    if (effect === 'prepare') {
      this.targetVmm = 'incoming';
      this.#later('target', () => this.onTarget('prepared'));
    } else if (effect === 'cont') this.#cont();
    else if (effect === 'drop-vm') this.targetVmm = 'dead';
    else if (effect === 'forget')
      this.#inOrder('target', () => {
        this.journal.target.record = 'none';
      });
    else if (effect === 'report-gained') this.#later('target', () => this.onTarget('pages-complete'));
  }

  #cont(): void {
    this.#later('target', () => {
      if (!TARGET_ONLY_IN.cont?.includes(this.target)) return;
      if (this.targetVmm === 'dead' || this.targetVmm === 'none') return this.onTarget('vmm-exit');
      if (this.targetVmm === 'paused' && this.#happens(this.faults.contRefused))
        return this.onTarget('cont-refused-never-ran');
      this.targetVmm = 'running';
      this.ranOnTarget = true;
      this.onTarget('cont-ok');
    });
  }

  #kill(side: 'source' | 'target'): void {
    if (side === 'source' && this.sourceVmm !== 'dead') {
      this.sourceVmm = 'dead';
      this.#later('source', () => this.onSource('vmm-exit'));
    }
    if (side === 'target' && this.targetVmm !== 'dead' && this.targetVmm !== 'none') {
      this.targetVmm = 'dead';
      this.#later('target', () => this.onTarget('vmm-exit'));
    }
  }

  #crash(side: 'source' | 'target'): void {
    this.trail.push(`${side} agent crashes`);
    this.up[side] = false;
    this.#life[side] += 1;
    this.#writes[side] = [];
  }

  /** The agent starts again: nothing is left of it but its journal and what runs without it. */
  #restart(side: 'source' | 'target'): void {
    this.up[side] = true;
    const { record } = this.journal[side];
    this.trail.push(`${side} agent restarts with ${record}`);
    this.journal[side].wanted = record;
    if (side === 'source') {
      if (record === 'none') {
        this.source = 'gone';
        return;
      }
      const { state, effects } = recoverSource(record, false);
      this.source = state;
      for (const effect of effects) this.#doSource(effect);
      if (this.sourceVmm === 'dead') this.onSource('vmm-exit');
    } else {
      if (record === 'none') {
        this.target = 'gone';
        return;
      }
      const { state, effects } = recoverTarget(record);
      this.target = state;
      for (const effect of effects) this.#doTarget(effect);
      if (this.targetVmm === 'dead' || this.targetVmm === 'none') this.onTarget('vmm-exit');
      else if (state === 'owner' && this.targetVmm === 'running') this.ranOnTarget = true;
    }
  }
}
