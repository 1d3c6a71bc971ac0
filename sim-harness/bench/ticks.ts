/** What a guest says of itself, tick by tick, and what others cost it. Pure but for `collect`. */
import type { GuestPort } from '../lab/index.ts';

export type Tick = { atMs: number; n: number; work: number; bad: number };

export function parseTick(line: string, atMs: number): Tick | undefined {
  const match = /^t (\d+) (\d+) (\d+)$/.exec(line);
  return match ? { atMs, n: Number(match[1]), work: Number(match[2]), bad: Number(match[3]) } : undefined;
}

/** Longest time between two ticks, ms. */
export function longestGapMs(ticks: readonly Tick[]): number {
  let longest = 0;
  ticks.forEach((tick, i) => {
    const before = ticks[i - 1];
    if (before) longest = Math.max(longest, tick.atMs - before.atMs);
  });
  return longest;
}

/** Work per ms between the first and the last tick of a span; 0 where nothing is known. */
export function workRate(ticks: readonly Tick[]): number {
  const [first, last] = [ticks[0], ticks.at(-1)];
  return first && last && last.atMs > first.atMs ? (last.work - first.work) / (last.atMs - first.atMs) : 0;
}

/** Done by a moment, even between two ticks. Undefined before the first. */
function workAt(ticks: readonly Tick[], atMs: number): number | undefined {
  const next = ticks.findIndex(tick => tick.atMs > atMs);
  const [before, after] = next < 0 ? [ticks.at(-1), undefined] : [ticks[next - 1], ticks[next]];
  if (!before || !after) return before?.work;
  return before.work + (after.work - before.work) * ((atMs - before.atMs) / (after.atMs - before.atMs));
}

/**
 * Seconds of work at `ratePerMs` that a guest did not do between two moments. Less than 0 where it did more, which is noise
 * about 0 or a rate that was not its own: the caller says so rather than hides it. Undefined: not known.
 */
export function lostS(
  ticks: readonly Tick[],
  fromMs: number,
  toMs: number,
  ratePerMs: number,
): number | undefined {
  const [before, after] = [workAt(ticks, fromMs), workAt(ticks, toMs)];
  if (before === undefined || after === undefined || ratePerMs <= 0) return undefined;
  return (toMs - fromMs - (after - before) / ratePerMs) / 1000;
}

/** Gathers ticks until stopped. `nowMs` is the clock of the whole machine. */
export function collect(guest: GuestPort, nowMs: () => number): { ticks: Tick[]; stop(): void } {
  const ticks: Tick[] = [];
  const stop = guest.onLine(line => {
    const tick = parseTick(line, nowMs());
    if (tick) ticks.push(tick);
  });
  return { ticks, stop };
}
