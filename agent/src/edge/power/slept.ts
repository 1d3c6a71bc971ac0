/**
 * Whether this machine slept: CLOCK_BOOTTIME counts the time of a suspend, CLOCK_MONOTONIC (Node's timers and `nowMs`) does not
 * (clock_gettime(2)). What a life of the agent believed before is older afterwards than it can tell.
 */
import type { Time } from '../clock.ts';

/** Two clocks are read one after the other, and `os.uptime` has steps of 10 ms: less than this is no sleep. */
const LEAST_MS = 2_000;

export class SleptTime {
  readonly #clock: Time;
  readonly #bootMs: () => number;
  #aheadMs: number;

  constructor(clock: Time, bootMs: () => number) {
    this.#clock = clock;
    this.#bootMs = bootMs;
    this.#aheadMs = bootMs() - clock.nowMs();
  }

  /** How long it has slept since it was last looked, ms; 0: not at all. */
  look(): number {
    const aheadMs = this.#bootMs() - this.#clock.nowMs();
    const sleptMs = aheadMs - this.#aheadMs;
    if (sleptMs < LEAST_MS) return 0;
    this.#aheadMs = aheadMs;
    return sleptMs;
  }
}
