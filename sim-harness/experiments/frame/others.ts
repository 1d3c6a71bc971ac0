/**
 * How much of the cores others used during a cell: the worst of its half minutes, by the rule of the benches (`bench/others.ts`).
 * A mean over minutes would hide what decided some seconds.
 */
import { type Others, watchOthers, worst } from '../../bench/others.ts';
import type { Lab } from '../../lab/index.ts';

const WINDOW_MS = 30_000;

export type OthersWatch = { stop(): Others };

/** `alsoMs`: as `watchOthers` takes it. */
export function watchInWindows(lab: Lab, alsoMs: () => number): OthersWatch {
  const windows: Others[] = [];
  let watch = watchOthers(lab, alsoMs);
  const timer = setInterval(() => {
    windows.push(watch());
    watch = watchOthers(lab, alsoMs);
  }, WINDOW_MS);
  return {
    stop() {
      clearInterval(timer);
      return worst([...windows, watch()]);
    },
  };
}
