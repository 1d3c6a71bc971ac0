/**
 * How much of the cores others used during a cell: the worst of its half minutes, by the rule of the benches (`bench/others.ts`).
 * A mean over minutes would hide what decided some seconds.
 */
import { type Others, worst } from '../../bench/others.ts';

const WINDOW_MS = 30_000;

export type OthersWatch = { stop(): Others };

/** `watch` begins one, and tells what others used since whenever it is asked. */
export function watchInWindows(watch: () => () => Others, windowMs = WINDOW_MS): OthersWatch {
  const windows: Others[] = [];
  let [before, now] = [watch(), watch()];
  let beganMs = performance.now();
  const timer = setInterval(() => {
    windows.push(now());
    [before, now] = [now, watch()];
    beganMs = performance.now();
  }, windowMs);
  return {
    stop() {
      clearInterval(timer);
      // Ticks of the kernel are 10 ms: a rest of some of them says nothing, and counts with the window before it.
      const isShort = performance.now() - beganMs < windowMs / 2;
      return worst([...windows, isShort ? before() : now()]);
    },
  };
}
