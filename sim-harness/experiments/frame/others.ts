/**
 * How much of the cores others used during a cell: the worst of its half minutes, by the rule of the benches (`bench/others.ts`).
 * A mean over minutes would hide what decided some seconds.
 */
import { type Others, watchOthers, worst } from '../../bench/others.ts';
import type { Lab } from '../../lab/index.ts';

const WINDOW_MS = 30_000;

export type OthersWatch = { also(cpuMs: () => number): void; stop(): Others };

export function watchInWindows(lab: Lab): OthersWatch {
  const own: (() => number)[] = [];
  const used = () => own.reduce((sum, cpuMs) => sum + cpuMs(), 0);
  const windows: Others[] = [];
  let watch = watchOthers(lab, used);
  const timer = setInterval(() => {
    windows.push(watch());
    watch = watchOthers(lab, used);
  }, WINDOW_MS);
  return {
    also: cpuMs => void own.push(cpuMs),
    stop() {
      clearInterval(timer);
      return worst([...windows, watch()]);
    },
  };
}
