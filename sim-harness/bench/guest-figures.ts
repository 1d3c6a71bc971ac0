/** What a move cost its guest, from the guest's ticks and the moments of the move. Pure. */
import type { Figures } from './figures-table.ts';
import { NOT_MEASURED } from './statistics.ts';
import { longestGapMs, lostS, type Tick, workRate } from './ticks.ts';

export const TICK_MS = 5;
/** Before the decision: what is steady there. */
export const STEADY_MS = 3000;
/** After the last page: what of the guest still belongs to the move. */
export const AFTER_MS = 500;
/** After the last page caches and emulated code are warm again, and nothing of the move is at work; then so long for the rate. */
const SETTLE_MS = 1000;
const RATE_MS = 2000;
export const LOSS_10S_MS = 10_000;

/** Of the clock of the whole machine, ms. */
export type Moments = {
  decided: number;
  migrate: number;
  stopped: number;
  resumed: number;
  transferred: number;
};

/** Until when a guest must be watched. `lossMs`: at least so long after it runs on the target. */
export const watchedUntilMs = ({ resumed, transferred }: Moments, lossMs: number): number =>
  Math.max(transferred + SETTLE_MS + RATE_MS, resumed + lossMs);

/**
 * The guest's own rate on each side is what it is held against there: the source may be shared with a busy neighbour while
 * the target is idle, and one core may be faster than the other.
 */
export function guestFigures(
  ticks: readonly Tick[],
  at: Moments,
): Pick<
  Figures,
  'guestGapMs' | 'guestWorkLost' | 'guestWorkLost10s' | 'guestPagesPerS' | 'guestPagesPerSAfter'
> {
  const end = at.transferred + AFTER_MS;
  const { before, after } = ratesOf(ticks, at);
  const tenS = lostS(ticks, at.resumed, at.resumed + LOSS_10S_MS, after);
  const isWatched = (ticks.at(-1)?.atMs ?? 0) >= at.resumed + LOSS_10S_MS - AFTER_MS;
  const gap = longestGapMs(ticks.filter(t => t.atMs >= at.decided - 2 * TICK_MS && t.atMs <= end));
  return {
    guestGapMs: Number(gap.toFixed(1)),
    guestWorkLost: signed(lostOver(ticks, at, end)),
    guestWorkLost10s: signed(isWatched ? tenS : undefined),
    guestPagesPerS: Math.round(before * 1000),
    guestPagesPerSAfter: Math.round(after * 1000),
  };
}

/**
 * Seconds of its work that a neighbour on the source could not do from the decision to the last page: up to the stop by its rate
 * beside the guest before the decision, from there on by what it does alone afterwards. Undefined: not known.
 */
export const neighbourLostS = (ticks: readonly Tick[], at: Moments): number | undefined =>
  lostOver(ticks, at, at.transferred);

/** Work per ms before the decision, and when nothing of the move is at work any more. */
const ratesOf = (ticks: readonly Tick[], at: Moments) => ({
  before: workRate(ticks.filter(t => t.atMs < at.decided)),
  after: workRate(ticks.filter(t => t.atMs >= at.transferred + SETTLE_MS)),
});

function lostOver(ticks: readonly Tick[], at: Moments, untilMs: number): number | undefined {
  const { before, after } = ratesOf(ticks, at);
  const first = lostS(ticks, at.decided, at.stopped, before);
  const second = lostS(ticks, at.stopped, untilMs, after);
  return first === undefined || second === undefined ? undefined : first + second;
}

/** To three digits; a loss of -1 s is told from one that was not measured. */
export function signed(value: number | undefined): number {
  if (value === undefined) return NOT_MEASURED;
  const rounded = Number(value.toFixed(3));
  return rounded === NOT_MEASURED ? rounded - 0.001 : rounded;
}
