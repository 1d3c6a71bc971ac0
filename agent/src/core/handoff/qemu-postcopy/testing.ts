/**
 * The two tables of QEMU's own post-copy with two VMMs, a bad network and two journals in one process, for tests that
 * look for a run which breaks a rule of handoff.md. Everything follows from one seed. The VMMs do here whatever a QEMU
 * has been seen to do, and what a newer one might: resume by itself after a failed switch although the target has loaded.
 */
import assert from '../../assert.ts';
import { recordOfSource, recordOfTarget, strangerAnswer } from '../answers.ts';
import { step } from '../cells.ts';
import type { Faults } from '../testing-faults.ts';
import { qemuSourceAnswer, qemuSourceRecord, qemuTargetAnswer, qemuTargetRecord } from './answers.ts';
import { recoverQemuSource, recoverQemuTarget } from './recover.ts';
import { QEMU_SOURCE, QEMU_SOURCE_ONLY_IN, type QemuSourceEffect, type QemuSourceEvent } from './source.ts';
import { QEMU_TARGET, QEMU_TARGET_ONLY_IN, type QemuTargetEffect, type QemuTargetEvent } from './target.ts';
import { type Side, Sides } from './testing-sides.ts';

/** The tables under test: the real ones, or with a fault planted. */
export type QemuTables = { source: typeof QEMU_SOURCE; target: typeof QEMU_TARGET };

export class QemuTwoNodes {
  readonly trail: string[] = [];
  readonly state: { source: keyof typeof QEMU_SOURCE; target: keyof typeof QEMU_TARGET } = {
    source: 'offered',
    target: 'judging',
  };
  sourceVmm:
    | 'running'
    | 'active'
    | 'pre-switchover'
    | 'failed'
    | 'serving'
    | 'paused'
    | 'completed'
    | 'dead' = 'running';
  targetVmm: 'none' | 'incoming' | 'loaded' | 'running' | 'dead' = 'none';
  /** The guest has executed on the target: from here on the source's copy is old. */
  ranOnTarget = false;
  /** What this engine cannot help: device state that left, and a target that will never run it. */
  lost = false;
  readonly sides: Sides;
  readonly #tables: QemuTables;
  #complete = false;
  /** The whole device state has reached the target's VMM. */
  #loading = false;
  /** QEMU goes on saying `failed` of a migration that failed, whether or not the guest runs again. */
  #failed = false;

  constructor(
    seed: number,
    faults: Faults,
    tables: QemuTables = { source: QEMU_SOURCE, target: QEMU_TARGET },
  ) {
    this.sides = new Sides(seed, faults);
    this.#tables = tables;
    this.sides.later('target', () => this.onTarget('judged-yes'));
  }

  get ended(): boolean {
    return this.state.source === 'gone' && this.state.target === 'gone';
  }

  /** One step of the world: something that is due happens, or a fault does. */
  step(): void {
    const { crash, vmmDies, cancel, streamBreaks } = this.sides.faults;
    if (this.sides.happens(crash)) this.#crash(this.sides.coin() ? 'source' : 'target');
    if (this.sides.happens(vmmDies)) this.#kill(this.sides.coin() ? 'source' : 'target');
    if (this.sides.happens(cancel)) this.sides.coin() ? this.onSource('cancel') : this.onTarget('cancel');
    for (const side of ['source', 'target'] as const)
      if (!this.sides.up[side] && this.sides.happens(0.3)) this.#restart(side);
    if (this.#loading && this.sides.happens(0.2)) this.#load();
    if (this.sourceVmm === 'serving') this.sides.happens(streamBreaks) ? this.#pause() : this.#finish();
    if (this.sides.idle || this.sides.happens(0.1)) this.#tick();
    this.sides.next();
  }

  onSource(event: QemuSourceEvent): void {
    if (!this.sides.up.source) return;
    const { state, effects, answer } = step(this.#tables.source, this.state.source, event);
    if (state !== this.state.source) this.trail.push(`S ${this.state.source} --${event}--> ${state}`);
    this.state.source = state;
    if (answer) this.#say('target', qemuSourceAnswer(state));
    for (const effect of effects) this.#doSource(effect);
    this.#check();
  }

  onTarget(event: QemuTargetEvent): void {
    if (!this.sides.up.target) return;
    const { state, effects, answer } = step(this.#tables.target, this.state.target, event);
    if (state !== this.state.target) this.trail.push(`T ${this.state.target} --${event}--> ${state}`);
    this.state.target = state;
    if (answer) this.#say('source', qemuTargetAnswer(state));
    for (const effect of effects) this.#doTarget(effect);
    this.#check();
  }

  #check(): void {
    const { sourceVmm, targetVmm } = this;
    const onSource = sourceVmm === 'running' || sourceVmm === 'active';
    assert(!(onSource && targetVmm === 'running'), 'the VM runs on two nodes');
    assert(!(onSource && this.ranOnTarget), 'the source resumed a guest that has run on the target');
  }

  #tellSource(event: QemuSourceEvent): void {
    this.sides.later('source', () => this.onSource(event));
  }
  #tellTarget(event: QemuTargetEvent): void {
    this.sides.later('target', () => this.onTarget(event));
  }

  #tick(): void {
    this.onSource('resend');
    this.onTarget('resend');
    if (this.sides.happens(0.05)) this.onSource('deadline');
    if (this.sides.happens(0.05)) this.onTarget('deadline');
  }

  #say(to: Side, said: string): void {
    const { source, target } = this.state;
    const record = () =>
      to === 'target' ? recordOfSource(qemuSourceRecord(source)) : recordOfTarget(qemuTargetRecord(target));
    const word = said === 'record' ? record() : said;
    this.sides.later(to, () => this.#hear(to, word), true);
  }

  /** A side that is gone answers as any node does about a handoff it has no part in. */
  #hear(side: Side, word: string): void {
    if (this.state[side] !== 'gone') {
      return side === 'source'
        ? this.onSource(word as QemuSourceEvent)
        : this.onTarget(word as QemuTargetEvent);
    }
    const answer = word === 'no-record' ? 'nothing' : strangerAnswer(word);
    if (answer !== 'nothing') this.#say(side === 'source' ? 'target' : 'source', answer);
  }

  #write(side: Side, effect: string): void {
    this.sides.write(side, effect, (event, record) => {
      if (event === 'written' && this.state[side] !== `w-${record}`) return;
      side === 'source' ? this.onSource(event) : this.onTarget(event);
    });
  }

  #doSource(effect: QemuSourceEffect): void {
    if (effect.startsWith('write-')) return this.#write('source', effect);
    if (effect.startsWith('send-')) return this.#say('target', effect.slice('send-'.length));
    if (effect === 'end-vmm') this.sourceVmm = 'dead';
    else if (effect === 'forget') this.sides.forget('source');
    else
      this.sides.later('source', () => {
        if (QEMU_SOURCE_ONLY_IN[effect]?.includes(this.state.source) !== false) this.#toSourceVmm(effect);
      });
  }

  #toSourceVmm(effect: QemuSourceEffect): void {
    if (effect === 'start-pages') this.onSource('pages-up');
    else if (effect === 'migrate' && this.sourceVmm === 'running') {
      this.sourceVmm = 'active';
      if (this.targetVmm === 'incoming') this.#tellTarget('stream-begun');
    } else if (effect === 'start-postcopy' && this.sourceVmm === 'active') {
      this.sourceVmm = 'pre-switchover';
      this.#tellSource('pre-switchover');
    } else if (effect === 'switch-over' || effect === 'look') {
      if (this.sourceVmm === 'pre-switchover') this.#switch();
      const told = { serving: 'serves', paused: 'stream-paused', completed: 'serves' } as const;
      const event = this.#failed ? 'stream-failed' : told[this.sourceVmm as keyof typeof told];
      if (event) this.#tellSource(event);
    } else if (effect === 'resume-stream' && this.sourceVmm === 'paused') {
      if (this.targetVmm === 'loaded' || this.targetVmm === 'running') this.sourceVmm = 'serving';
    } else if (effect === 'bring-back') this.#bringBack();
  }

  /** The device state goes out; what can become of that. */
  #switch(): void {
    const listens = this.targetVmm === 'incoming';
    const breaks = !listens || this.sides.happens(this.sides.faults.streamBreaks);
    const loads = listens && (!breaks || this.sides.coin());
    if (loads) this.#loading = true;
    else if (listens) {
      this.targetVmm = 'dead';
      this.#tellTarget('load-failed');
    }
    if (!breaks) this.sourceVmm = 'serving';
    else if (this.sides.coin()) {
      // Before it was all out, or so it seems to the source.
      this.sourceVmm = this.sides.coin() ? 'failed' : 'running';
      this.#failed = true;
      this.#tellSource('stream-failed');
    } else this.sourceVmm = 'paused';
    if (!loads && this.sourceVmm === 'paused') this.lost = true;
  }

  #load(): void {
    this.#loading = false;
    if (this.targetVmm !== 'incoming') return;
    this.targetVmm = 'loaded';
    this.#tellTarget('loaded');
  }

  #pause(): void {
    this.sourceVmm = 'paused';
    this.#tellSource('stream-paused');
    this.#tellTarget('stream-paused');
  }

  #finish(): void {
    if (!this.sides.happens(0.1) || (this.targetVmm !== 'loaded' && this.targetVmm !== 'running')) return;
    this.sourceVmm = 'completed';
    this.#complete = true;
    this.#tellTarget('pages-complete');
  }

  #bringBack(): void {
    if (this.sourceVmm === 'dead') return this.onSource('vmm-exit');
    if (this.sourceVmm === 'serving' || this.sourceVmm === 'paused') {
      this.sourceVmm = 'dead';
      this.lost = true;
      return this.onSource('vmm-exit');
    }
    this.sourceVmm = 'running';
    this.onSource('guest-runs');
  }

  #doTarget(effect: QemuTargetEffect): void {
    if (effect.startsWith('write-')) return this.#write('target', effect);
    if (effect.startsWith('send-')) return this.#say('source', effect.slice('send-'.length));
    if (effect === 'drop-vm') this.targetVmm = 'dead';
    else if (effect === 'end-vmm') this.#kill('target');
    else if (effect === 'forget') this.sides.forget('target');
    else if (effect === 'prepare') {
      this.targetVmm = 'incoming';
      this.#tellTarget('prepared');
    } else
      this.sides.later('target', () => {
        if (QEMU_TARGET_ONLY_IN[effect]?.includes(this.state.target) !== false) this.#toTargetVmm(effect);
      });
  }

  #toTargetVmm(effect: QemuTargetEffect): void {
    if (effect === 'cont') this.#cont();
    if (effect === 'look' && this.targetVmm === 'loaded') this.onTarget('loaded');
    if (effect === 'ask-pages' && !this.#complete) this.onTarget('pages-lost');
    if (effect === 'look' && this.#complete) this.#tellTarget('pages-complete');
  }

  #cont(): void {
    if (this.targetVmm === 'dead' || this.targetVmm === 'none') return this.onTarget('vmm-exit');
    assert(this.targetVmm !== 'incoming', 'cont before the device state is loaded');
    if (this.targetVmm === 'loaded' && this.sides.happens(this.sides.faults.contRefused)) {
      this.lost = true;
      return this.onTarget('cont-refused-never-ran');
    }
    this.targetVmm = 'running';
    this.ranOnTarget = true;
    this.onTarget('cont-ok');
    if (this.#complete) this.#tellTarget('pages-complete');
  }

  #kill(side: Side): void {
    if (side === 'source' && this.sourceVmm !== 'dead') {
      this.sourceVmm = 'dead';
      this.#tellSource('vmm-exit');
    }
    if (side === 'target' && this.targetVmm !== 'dead' && this.targetVmm !== 'none') {
      this.targetVmm = 'dead';
      this.#tellTarget('vmm-exit');
    }
  }

  #crash(side: Side): void {
    this.trail.push(`${side} agent crashes`);
    this.sides.crash(side);
  }

  /** The agent starts again: nothing is left of it but its journal and what runs without it. */
  #restart(side: Side): void {
    const record = this.sides.restart(side);
    this.trail.push(`${side} agent restarts with ${record}`);
    if (record === 'none') {
      this.state[side] = 'gone';
      return;
    }
    if (side === 'source') {
      const { state, effects } = recoverQemuSource(record, false);
      this.state.source = state;
      for (const effect of effects) this.#doSource(effect);
      if (this.sourceVmm === 'dead') this.onSource('vmm-exit');
    } else {
      const { state, effects } = recoverQemuTarget(record, false);
      this.state.target = state;
      for (const effect of effects) this.#doTarget(effect);
      if (this.targetVmm === 'dead' || this.targetVmm === 'none') this.onTarget('vmm-exit');
    }
  }
}
