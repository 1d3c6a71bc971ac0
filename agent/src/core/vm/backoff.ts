/**
 * Per-VM backoff: it doubles with each return to a node that the VM had left within ten minutes, and decays with
 * quiet (policy.md). It damps ping-pong that the cluster's cooldown alone lets through. Pure: times come in.
 */

/** A return later than this is a new day, not ping-pong. */
export const RETURN_SPAN_MS = 600_000;
/** 10 s doubled six times is over ten minutes: more would outlast the span that it damps. */
export const LEVEL_MAX = 6;

export type Backoff = { level: number; untilMs: number };

/** A VM arrives on a node. `leftAtMs`: when it last left that node, or undefined. */
export function onArrival(
  before: Backoff,
  leftAtMs: number | undefined,
  cooldownMs: number,
  nowMs: number,
): Backoff {
  const returned = leftAtMs !== undefined && nowMs - leftAtMs < RETURN_SPAN_MS;
  if (!returned) return { level: decayed(before, cooldownMs, nowMs), untilMs: before.untilMs };
  const level = Math.min(LEVEL_MAX, decayed(before, cooldownMs, nowMs) + 1);
  return { level, untilMs: nowMs + cooldownMs * 2 ** level };
}

/**
 * One level less for every quiet span as long as the backoff of that level was, and no shorter than what counts as a
 * return: the rule needs 40 s for a round trip, which a span of 20 s would forget each time (found by the simulator).
 */
export function decayed(backoff: Backoff, cooldownMs: number, nowMs: number): number {
  let level = backoff.level;
  let quietMs = nowMs - backoff.untilMs;
  for (; level > 0; level--) {
    const spanMs = Math.max(RETURN_SPAN_MS, cooldownMs * 2 ** level);
    if (quietMs < spanMs) break;
    quietMs -= spanMs;
  }
  return level;
}
