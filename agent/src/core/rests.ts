/** Three refusals for one VM earn it one cooldown of rest (policy.md, Leaderless): nobody is asked again meanwhile. */
const REFUSALS_MAX = 3;
/** Refusals further apart than so many cooldowns have nothing to do with each other. */
const APART_COOLDOWNS = 3;

type Refused = { count: number; lastMs: number };

export class Rests {
  /** It may change while the agent runs. */
  readonly #cooldownMs: () => number;
  readonly #refused = new Map<string, Refused>();
  readonly #untilMs = new Map<string, number>();

  constructor(cooldownMs: () => number) {
    this.#cooldownMs = cooldownMs;
  }

  refused(vm: string, nowMs: number): void {
    const before = this.#refused.get(vm);
    const fresh = before && nowMs - before.lastMs <= APART_COOLDOWNS * this.#cooldownMs();
    const count = (fresh ? before.count : 0) + 1;
    if (count < REFUSALS_MAX) {
      this.#refused.set(vm, { count, lastMs: nowMs });
      return;
    }
    this.#refused.delete(vm);
    this.#untilMs.set(vm, nowMs + this.#cooldownMs());
  }

  accepted(vm: string): void {
    this.#refused.delete(vm);
    this.#untilMs.delete(vm);
  }

  /** Left of its rest, ms; 0 = none. */
  leftMs(vm: string, nowMs: number): number {
    const leftMs = (this.#untilMs.get(vm) ?? 0) - nowMs;
    if (leftMs <= 0) this.#untilMs.delete(vm);
    return Math.max(0, leftMs);
  }
}
