/** How late the event loop was at worst, of late: the same for whoever asks, and however often. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** It is looked at this often: finer costs wake-ups, and what hurts (missed reports) takes seconds. */
const RESOLUTION_MS = 100;
/** As long as people leave between two scrapes: each sees every delay at least once. */
const WINDOW_MS = 60_000;

export class EventLoopLag {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  /** Worst of the window before, ns. */
  #before = 0;

  constructor(windowMs = WINDOW_MS) {
    this.#delay.enable();
    this.#timer = setInterval(() => {
      this.#before = this.#delay.max;
      this.#delay.reset();
    }, windowMs).unref();
  }

  /** In this window and the one before, seconds. */
  worstSeconds(): number {
    // Node records the whole time between two looks.
    const worstMs = Math.max(this.#before, this.#delay.max) / 1e6 - RESOLUTION_MS;
    return Math.max(0, worstMs) / 1e3;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }
}
