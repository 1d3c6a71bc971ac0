/**
 * Real time. `nowMs` is CLOCK_MONOTONIC with fractions: freshness and durations; it is the same for all processes of
 * one machine, which the lab relies on, and means nothing on another. `wallMs` is for people and for what must
 * outlive a reboot; it is never compared with another node's. All that a node waits for goes through `after`, so that
 * the simulator's time can take its place.
 */
export type Time = { nowMs(): number; wallMs(): number };

export type Clock = Time & {
  /**
   * Runs once, `ms` from now; the function that it returns calls it off. `idle`: a process that waits for nothing else
   * may end meanwhile.
   */
  after(ms: number, run: () => void, idle?: 'idle'): () => void;
};

export const clock: Clock = {
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
  after(ms, run, idle) {
    const timer = setTimeout(run, ms);
    if (idle) timer.unref();
    return () => clearTimeout(timer);
  },
};

export const sleep = (clock: Clock, ms: number, idle?: 'idle'): Promise<void> =>
  new Promise(resolve => void clock.after(ms, resolve, idle));

/** Runs again and again, `ms` apart, until the function that it returns is called. */
export function every(clock: Clock, ms: number, run: () => void, idle?: 'idle'): () => void {
  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel = clock.after(
      ms,
      () => {
        arm();
        run();
      },
      idle,
    );
  };
  arm();
  return () => cancel();
}
