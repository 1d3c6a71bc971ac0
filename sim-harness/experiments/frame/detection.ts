/**
 * When a node was overloaded by the paper's rule (section 5), from what was recorded of it, a second a point: by other code than
 * the rule's own, which it judges. Pure.
 */
import type { Series } from './types.ts';

const OVERLOAD_PERCENT = 90;
const ACTIVE_PERCENT = 5;
const ACTIVE_VMS = 2;

/** The first point from `fromS` on where means over the window say so, s; -1: never. */
export function overloadedAtS(
  series: readonly Series[],
  node: string,
  vms: readonly string[],
  fromS: number,
  windowS: number,
): number {
  const points = series.find(one => one.name === node)?.points ?? [];
  const found = points.find(([at]) => {
    if (at < fromS) return false;
    const active = vms.filter(vm => windowMean(series, vm, at, windowS) >= ACTIVE_PERCENT);
    return windowMean(series, node, at, windowS) >= OVERLOAD_PERCENT && active.length >= ACTIVE_VMS;
  });
  return found?.[0] ?? -1;
}

/** Of the points in the window that ends with that of `atS`. */
function windowMean(series: readonly Series[], name: string, atS: number, windowS: number): number {
  const points = series.find(one => one.name === name)?.points ?? [];
  // Samples are a second apart and a little: the window has as many of them as seconds.
  const last = points.filter(([at]) => at <= atS + HALF_S).slice(-windowS);
  return last.reduce((sum, [, value]) => sum + value, 0) / Math.max(1, last.length);
}

/** Points of a node and of its VMs are of one sample, but may carry times some ms apart. */
const HALF_S = 0.5;
