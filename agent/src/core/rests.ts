/** Three refusals for one VM earn it one cooldown of rest (policy.md, Leaderless): nobody is asked again meanwhile. */
const REFUSALS_MAX = 3;

export class Rests {
  readonly #cooldownMs: number;
  readonly #refusals = new Map<string, number>();
  readonly #untilMs = new Map<string, number>();

  constructor(cooldownMs: number) {
    this.#cooldownMs = cooldownMs;
  }

  refused(vm: string, nowMs: number): void {
    const count = (this.#refusals.get(vm) ?? 0) + 1;
    if (count < REFUSALS_MAX) {
      this.#refusals.set(vm, count);
      return;
    }
    this.#refusals.delete(vm);
    this.#untilMs.set(vm, nowMs + this.#cooldownMs);
  }

  accepted(vm: string): void {
    this.#refusals.delete(vm);
    this.#untilMs.delete(vm);
  }

  /** Left of its rest, ms; 0 = none. */
  leftMs(vm: string, nowMs: number): number {
    return Math.max(0, (this.#untilMs.get(vm) ?? 0) - nowMs);
  }
}
