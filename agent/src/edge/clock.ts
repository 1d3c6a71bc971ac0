/**
 * Real time. `nowMs` is CLOCK_MONOTONIC with fractions: freshness and durations; it is the same for all processes of
 * one machine, which the lab relies on, and means nothing on another. `wallMs` is for people and for what must
 * outlive a reboot; it is never compared with another node's.
 */
export type Clock = { nowMs(): number; wallMs(): number };

export const clock: Clock = {
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
};
