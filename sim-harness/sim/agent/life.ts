/**
 * One life of an agent: its clock and its calls into the world. When it ends, whatever it waits for never comes, like
 * for a process that was killed; what it had asked for may or may not have happened.
 */
import type { Clock } from '@shoal/agent/edge/clock';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';

export class Life {
  alive = true;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly #world: World;
  readonly #crash: (where: string) => void;
  readonly #ends: (() => void)[] = [];
  /** Calls of one lane (one monitor, one database) are answered in the order in which they were made. */
  readonly #lanes = new Map<string, number>();

  constructor(world: World, machine: Machine, crash: (where: string) => void) {
    this.#world = world;
    this.machine = machine;
    this.#crash = crash;
    const rate = 1 + machine.drift;
    this.clock = {
      nowMs: () => machine.nowMs(),
      // Far from 0: times of day, with nothing of the real one.
      wallMs: () => 1.7e12 + machine.nowMs(),
      after: (ms, run) => world.time.after(ms / rate, () => this.alive && run()),
    };
  }

  /** Called when this life ends. */
  ended(run: () => void): void {
    this.#ends.push(run);
  }

  end(): void {
    this.alive = false;
    for (const run of this.#ends.splice(0)) run();
  }

  /** Runs when the world gets round to it, `ms` from now, if this life still lasts. */
  later(ms: number, run: () => void): void {
    this.#world.time.after(ms, () => this.alive && run());
  }

  /** Asks the world for something that takes from `low` to `high` ms. */
  call<T>(
    lane: string,
    what: string,
    [low, high]: readonly [number, number],
    work: () => T | Promise<T>,
  ): Promise<T> {
    const { time, chance } = this.#world;
    const atMs = Math.max(this.#lanes.get(lane) ?? 0, time.nowMs + chance.between(low, high));
    this.#lanes.set(lane, atMs);
    return new Promise((resolve, reject) => {
      time.at(atMs, () => {
        if (!this.alive || this.#crashes(`before ${what}`)) return;
        let result: T | Promise<T>;
        try {
          result = work();
        } catch (error) {
          reject(error);
          return;
        }
        if (!this.#crashes(`after ${what}`)) resolve(result);
      });
    });
  }

  #crashes(where: string): boolean {
    if (!this.#world.strikes('crash-at-call')) return false;
    this.#crash(where);
    return true;
  }
}
