/** What a guest says of itself, tick by tick, and what a move cost it. Pure but for `collect`. */
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

/** Work per ms between the first and the last tick of a span. */
export function workRate(ticks: readonly Tick[]): number {
  const [first, last] = [ticks[0], ticks.at(-1)];
  return first && last && last.atMs > first.atMs ? (last.work - first.work) / (last.atMs - first.atMs) : 0;
}

/**
 * Seconds of the guest's steady work that a span cost: what it would have done at `ratePerMs` less what it did. At
 * least 0: a span in which it did more is noise.
 */
export function workLostS(ticks: readonly Tick[], ratePerMs: number): number {
  const [first, last] = [ticks[0], ticks.at(-1)];
  if (!first || !last || ratePerMs <= 0) return -1;
  const missed = (last.atMs - first.atMs) * ratePerMs - (last.work - first.work);
  return Math.max(0, missed / ratePerMs / 1000);
}

/** What has just ended beside a guest is over in this time: sockets are closed, memory is given back. */
const SETTLED_MS = 300;

/**
 * Seconds of its work alone that a guest could not do between two moments in which others used its core: alone it is
 * some time after the second. -1: not known.
 */
export function lostBeside(ticks: readonly Tick[], fromMs: number, toMs: number): number {
  const alone = workRate(ticks.filter(t => t.atMs > toMs + SETTLED_MS));
  return workLostS(
    ticks.filter(t => t.atMs >= fromMs && t.atMs <= toMs),
    alone,
  );
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
