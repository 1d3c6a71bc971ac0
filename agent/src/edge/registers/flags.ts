/**
 * What people switched: cordon, pause and mode of this node, and pauses of the others. All of it is in registers, so it
 * outlives restarts, and the pause of a node that has died since still holds.
 */
import type { Mode } from '@shoal/protocol';
import { cordonKey, modeKey, pauseKey } from '../../core/registers/keys.ts';
import { cordoned, modeOf, PAUSE_MAX_MS, pauseLeftMs } from '../../core/registers/read.ts';
import { ShoalError } from '../../errors.ts';
import type { Registers } from './registers.ts';

/** Throws SHOAL_PAUSE_TTL. */
export function checkPause(ttlMs: number): void {
  if (Number.isInteger(ttlMs) && ttlMs > 0 && ttlMs <= PAUSE_MAX_MS) return;
  throw new ShoalError(
    'SHOAL_PAUSE_TTL',
    `a pause lasts 24 h at most, not ${Math.round(ttlMs / 3_600_000)} h`,
    'ttlMs',
    'Give a shorter time; a pause can be renewed',
  );
}

export class Flags {
  readonly #registers: Registers;

  constructor(registers: Registers) {
    this.#registers = registers;
  }

  get cordoned(): boolean {
    return cordoned(this.#registers.get(cordonKey(this.#registers.self)).value);
  }

  /** Left of the pause that was asked for here, ms; 0 = none. */
  get pausedMs(): number {
    return this.#pausedMs(this.#registers.self);
  }

  /** Left of the longest pause of any member. */
  get meshPausedMs(): number {
    return Math.max(this.pausedMs, ...this.#registers.members().map(m => this.#pausedMs(m.id)));
  }

  /** Other members whose pause still holds. */
  pausedElsewhere(): { id: string; name: string }[] {
    const others = this.#registers.members().filter(m => m.id !== this.#registers.self);
    return others.filter(m => this.#pausedMs(m.id) > 0);
  }

  /** Undefined = as the configuration says. */
  get mode(): Mode | undefined {
    return modeOf(this.#registers.get(modeKey(this.#registers.self)).value);
  }

  async cordon(on: boolean): Promise<void> {
    if (on !== this.cordoned) await this.#write(cordonKey, on ? 'true' : '');
  }

  async pause(ttlMs: number): Promise<void> {
    checkPause(ttlMs);
    await this.#write(pauseKey, String(ttlMs));
  }

  async resume(): Promise<void> {
    if (this.pausedMs > 0) await this.#write(pauseKey, '');
  }

  async setMode(mode: Mode): Promise<void> {
    if (mode !== this.mode) await this.#write(modeKey, JSON.stringify(mode));
  }

  #pausedMs(node: string): number {
    const { value, ageMs } = this.#registers.get(pauseKey(node));
    return pauseLeftMs(value, ageMs);
  }

  #write(key: (node: string) => string, value: string): Promise<void> {
    return this.#registers.write(key(this.#registers.self), value);
  }
}
