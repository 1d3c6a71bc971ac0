/** All pages of a guest on their way: halted with its stream, it goes on where it was. */
import type { Time } from './time.ts';

export class Transfer {
  readonly #time: Time;
  readonly #done: () => void;
  #missingMs: number;
  #under: { cancel(): void; sinceMs: number } | undefined;

  constructor(time: Time, missingMs: number, done: () => void) {
    this.#time = time;
    this.#missingMs = missingMs;
    this.#done = done;
  }

  go(): void {
    if (this.#under) return;
    this.#under = { sinceMs: this.#time.nowMs, cancel: this.#time.after(this.#missingMs, this.#done) };
  }

  halt(): void {
    if (!this.#under) return;
    this.#under.cancel();
    this.#missingMs -= this.#time.nowMs - this.#under.sinceMs;
    this.#under = undefined;
  }
}
