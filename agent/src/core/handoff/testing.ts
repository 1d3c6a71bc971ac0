/**
 * Two tables, two nodes, two VMMs, a bad network in one process: for tests that look for a run in which the rules of
 * handoff.md break. Everything follows from one seed. What a part really does (a VMM that resumes by itself, a write
 * that failed but is on the disk) is decided here, never by the tables. One VM, crash policy `restart`.
 */
import {
  recordOfSource,
  recordOfTarget,
  sourceAnswer,
  sourceRecord,
  strangerAnswer,
  targetAnswer,
  targetRecord,
} from './answers.ts';
import { step } from './cells.ts';
import { COLUMNS, type Columns } from './engines.ts';
import { holdsAfterReboot } from './recover.ts';
import { SOURCE_ONLY_IN } from './source.ts';
import type { SourceEffect, SourceEvent, SourceState } from './source-kinds.ts';
import { TARGET_ONLY_IN } from './target.ts';
import type { TargetEffect, TargetEvent, TargetState } from './target-kinds.ts';
import { chance, type Faults } from './testing-faults.ts';
import { Side } from './testing-side.ts';
import { Vmms } from './testing-vmms.ts';

type Role = 'source' | 'target';
type Task = { to: Role; life: number; run(): void; message?: boolean };
const other = (role: Role): Role => (role === 'source' ? 'target' : 'source');

export class TwoNodes {
  readonly random: () => number;
  faults: Faults;
  source: SourceState = 'offered';
  target: TargetState = 'judging';
  readonly vmms: Vmms;
  readonly sides = { source: new Side(true), target: new Side(false) };
  readonly trail: string[] = [];
  readonly #columns: Columns;
  #tasks: Task[] = [];

  constructor(seed: number, faults: Faults, columns: Columns = COLUMNS.postcopy) {
    this.#columns = columns;
    this.random = chance(seed);
    this.faults = faults;
    this.vmms = new Vmms(columns === COLUMNS.precopy, {
      later: (on, run) => this.#later(on, run),
      tellSource: event => this.onSource(event),
      tellTarget: event => this.onTarget(event),
      happens: fault => this.#happens(this.faults[fault]),
      half: () => this.random() < 0.5,
    });
    this.#later('target', () => this.onTarget('judged-yes'));
  }

  get over(): boolean {
    return this.source === 'gone' && this.target === 'gone' && this.sides.source.up && this.sides.target.up;
  }

  /** One step of the world: something that is due happens, or a fault does. */
  step(): void {
    const { crash, vmmDies, cancel, power } = this.faults;
    if (this.#happens(crash)) this.#crash(this.#either());
    if (this.#happens(power)) this.#powerFails(this.#either());
    if (this.#happens(vmmDies)) this.#kill(this.#either());
    if (this.#happens(cancel)) this.random() < 0.5 ? this.onSource('cancel') : this.onTarget('cancel');
    for (const role of ['source', 'target'] as const) {
      const side = this.sides[role];
      // The proof of an operator is that the peer has no power.
      if (side.up && !this.sides[other(role)].power && this.#happens(this.faults.resolve))
        this.#resolve(role);
      if (!side.up && (side.power || this.random() < 0.1) && this.random() < 0.3) this.#restart(role);
    }
    if (this.#tasks.length === 0 || this.random() < 0.1) this.#tick();
    const [task] = this.#tasks.splice(Math.floor(this.random() * this.#tasks.length), 1);
    if (!task || !this.sides[task.to].up) return;
    if (task.life !== this.sides[task.to].life && !task.message) return;
    if (task.message && this.#happens(this.faults.loss)) return;
    if (task.message && this.#happens(this.faults.duplicate)) this.#tasks.push({ ...task });
    task.run();
  }

  #tick(): void {
    this.onSource('resend');
    this.onTarget('resend');
    if (this.random() < 0.05) this.onSource('deadline');
    if (this.random() < 0.05) this.onTarget('deadline');
    this.house();
  }

  /** What no handoff holds is its node's own to start again. */
  house(): void {
    for (const role of ['source', 'target'] as const) {
      const side = this.sides[role];
      if (side.up && side.owned && (side.record.name === 'none' || side.record.settled))
        this.#startCold(role);
    }
  }

  onSource(event: SourceEvent): void {
    if (!this.sides.source.up) return;
    const { state, effects, answer } = step(this.#columns.source, this.source, event);
    if (state !== this.source) this.trail.push(`S ${this.source} --${event}--> ${state}`);
    this.source = state;
    if (answer) this.#says('source', sourceAnswer(state));
    for (const effect of effects) this.#doSource(effect);
    this.vmms.check();
  }

  onTarget(event: TargetEvent): void {
    if (!this.sides.target.up) return;
    const { state, effects, answer } = step(this.#columns.target, this.target, event);
    if (state !== this.target) this.trail.push(`T ${this.target} --${event}--> ${state}`);
    this.target = state;
    if (answer) this.#says('target', targetAnswer(state));
    for (const effect of effects) this.#doTarget(effect);
    this.vmms.check();
  }

  #on(role: Role, event: 'written' | 'write-failed' | 'vmm-exit' | 'resolve'): void {
    if (role === 'source') this.onSource(event);
    else this.onTarget(event);
  }

  #resolve(role: Role): void {
    this.trail.push(`${role} is told that the other is off`);
    this.#on(role, 'resolve');
  }

  #startCold(role: Role): void {
    if (!this.vmms.isDead(role)) return;
    this.trail.push(`${role} starts the VM from its disk`);
    this.vmms.startCold(role);
  }

  #either(): Role {
    return this.random() < 0.5 ? 'source' : 'target';
  }

  #happens(share: number): boolean {
    return share > 0 && this.random() < share;
  }

  #later(to: Role, run: () => void, message = false): void {
    this.#tasks.push({ to, life: this.sides[to].life, run, message });
  }

  /** A word names both lives: of who says it, and of whom it is meant for as far as that is known there. */
  #says(from: Role, word: string): void {
    const { life, peerLife } = this.sides[from];
    const said =
      word !== 'record'
        ? word
        : `record ${from === 'source' ? sourceRecord(this.source) : targetRecord(this.target)}`;
    this.#later(other(from), () => this.#hear(other(from), said, life, peerLife), true);
  }

  #hear(role: Role, word: string, fromLife: number, toLife: number): void {
    const side = this.sides[role];
    const known = role === 'source' ? this.source !== 'gone' : this.target !== 'gone';
    const late = fromLife < side.peerLife || toLife !== side.life;
    side.peerLife = Math.max(side.peerLife, fromLife);
    const [type = '', state = ''] = word.split(' ');
    if (!known) {
      const answer = strangerAnswer(type);
      if (answer !== 'nothing') this.#says(role, answer === 'no-record' ? 'record none' : answer);
    } else if (role === 'source') {
      if (late) this.#says(role, sourceAnswer(this.source));
      else this.onSource(type === 'record' ? recordOfTarget(state) : (word as SourceEvent));
    } else if (late) this.#says(role, targetAnswer(this.target));
    else this.onTarget(type === 'record' ? recordOfSource(state) : (word as TargetEvent));
  }

  #write(role: Role, effect: string): void {
    const side = this.sides[role];
    if (effect !== 'write-again') side.wanted = effect.slice('write-'.length);
    const record = side.wanted;
    this.#inOrder(role, () => {
      const fails = this.#happens(this.faults.writeFails);
      if (fails) side.keepMaybe(record, this.random());
      else side.keep(record);
      if (fails) return this.#on(role, 'write-failed');
      const state = role === 'source' ? this.source : this.target;
      if (side.wanted === record && state === `w-${record}`) this.#on(role, 'written');
    });
  }

  /** One journal write after the other, as they were asked for; none that was asked for by an earlier life. */
  #inOrder(role: Role, write: () => void): void {
    this.sides[role].writes.push(write);
    this.#later(role, () => this.sides[role].writes.shift()?.());
  }

  /** All is done on this side; only the peer's last word may be missing. Tried again until it is written. */
  #settle(role: Role, owned: () => boolean): void {
    if (this.sides[role].settles.push(owned) === 1) this.#later(role, () => this.#settleNext(role));
  }

  #settleNext(role: Role): void {
    const side = this.sides[role];
    if (this.#happens(this.faults.writeFails)) return this.#later(role, () => this.#settleNext(role));
    side.owned = side.settles[0]?.() ?? side.owned;
    if (side.wanted) side.keep(side.wanted, true);
    if (side.owned) this.#startCold(role);
    side.settles.shift();
    if (side.settles.length > 0) this.#settleNext(role);
  }

  #forget(role: Role): void {
    this.#inOrder(role, () => {
      if (this.sides[role].settles.length > 0) this.#forget(role);
      else this.sides[role].forget();
    });
  }

  #doSource(effect: SourceEffect): void {
    if (effect.startsWith('write-')) return this.#write('source', effect);
    if (effect.startsWith('send-')) return this.#says('source', effect.slice('send-'.length));
    if (effect === 'start-pages') this.#later('source', () => this.onSource('pages-up'));
    else if (effect === 'migrate') this.vmms.migrate();
    else if (effect === 'switch-over') this.vmms.stream();
    else if (effect === 'bring-back')
      this.vmms.bringBack(() => !!SOURCE_ONLY_IN['bring-back']?.includes(this.source));
    else if (effect === 'end-vmm') this.vmms.die('source');
    else if (effect === 'free-ram') this.vmms.freeRam(this.target === 'running' && this.sides.target.power);
    else if (effect === 'report-left') this.#settle('source', () => false);
    else if (effect.startsWith('report-')) this.#settle('source', () => true);
    else if (effect === 'forget') this.#forget('source');
  }

  #doTarget(effect: TargetEffect): void {
    if (effect.startsWith('write-')) return this.#write('target', effect);
    if (effect.startsWith('send-')) return this.#says('target', effect.slice('send-'.length));
    if (effect === 'prepare') {
      this.vmms.target = 'incoming';
      this.#later('target', () => this.onTarget('prepared'));
    } else if (effect === 'cont') this.vmms.cont(() => !!TARGET_ONLY_IN.cont?.includes(this.target));
    else if (effect === 'drop-vm' || effect === 'end-vmm') this.vmms.endTarget();
    else if (effect === 'ask-pages')
      this.#later('target', () => this.onTarget(this.vmms.pagesIn ? 'pages-complete' : 'pages-lost'));
    else if (effect === 'report-gained' || effect === 'report-lost') this.sides.target.owned = true;
    else if (effect === 'report-resolved') this.#settle('target', () => true);
    else if (effect === 'report-left') this.#settle('target', () => false);
    else if (effect === 'release-reservation') this.#settle('target', () => this.sides.target.owned);
    else if (effect === 'forget') this.#forget('target');
    if (effect === 'report-gained' || effect === 'restart-pages') this.vmms.fetchPages();
  }

  #kill(role: Role): void {
    if (this.vmms.isDead(role)) return;
    this.vmms.die(role);
    this.#later(role, () => this.#on(role, 'vmm-exit'));
  }

  #crash(role: Role): void {
    if (!this.sides[role].up) return;
    this.trail.push(`${role} agent crashes`);
    this.sides[role].crash();
  }

  #powerFails(role: Role): void {
    if (!this.sides[role].power) return;
    this.trail.push(`${role} has no power`);
    this.sides[role].powerFails();
    if (role === 'source') this.vmms.sourceMemory = false;
    this.vmms.die(role);
  }

  /** The agent starts again: nothing is left of it but its journal and what runs without it. */
  #restart(role: Role): void {
    const side = this.sides[role];
    side.power = true;
    side.start();
    const { name, settled } = side.record;
    const { rebooted } = side;
    const about = `${rebooted ? ' after a reboot' : ''} with ${name}${settled ? ', settled' : ''}`;
    this.trail.push(`${role} agent starts${about}`);
    const asks = rebooted && side.owned && holdsAfterReboot(role, name);
    if (asks) side.record = { ...side.record, settled: false };
    if (role === 'source') this.source = name === 'none' ? 'gone' : (name as SourceState);
    else this.target = name === 'none' ? 'gone' : (name as TargetState);
    // What is settled, or was never begun, is only talked about.
    if (name !== 'none' && (!settled || asks)) this.#takeUp(role, name, rebooted);
    if (this.vmms.isDead(role)) this.#on(role, 'vmm-exit');
  }

  #takeUp(role: Role, name: string, rebooted: boolean): void {
    if (role === 'source') {
      const { state, effects } = this.#columns.recoverSource(name, rebooted);
      this.source = state;
      for (const effect of effects) this.#doSource(effect);
    } else {
      const { state, effects } = this.#columns.recoverTarget(name, rebooted);
      this.target = state;
      for (const effect of effects) this.#doTarget(effect);
    }
  }
}
