/** How many users each VM has, and when: the paper's section 5.3, all numbers times one factor. Pure. */

/** From `atMs` on so many sessions at a time: a new one begins where one ends. */
export type Step = { atMs: number; sessions: number };
export type VmLoad = { vm: string; steps: readonly Step[] };

/** Time 0 is when figures begin; what is sent before only fills the bank with users. */
export type BankPlan = { seed: number; beginMs: number; untilMs: number; vms: readonly VmLoad[] };

const VM0_SESSIONS = 100;
const VM1_FROM = 20;
const VM1_TO = 200;
const VM1_RISE = 30;

type Times = { fillMs: number; settleMs: number; riseAtMs: number; riseEveryMs: number; untilMs: number };
/**
 * The paper counts 240 s and raises VM1 every 10 s. When that begins it does not say; with VM0's 0.152 responses a second and session
 * (table 2), VM1's total fits a beginning after 74 s, and its figures need a quiet part before.
 */
const FULL: Times = {
  fillMs: 20_000,
  settleMs: 20_000,
  riseAtMs: 70_000,
  riseEveryMs: 10_000,
  untilMs: 240_000,
};
const QUICK: Times = {
  fillMs: 5_000,
  settleMs: 5_000,
  riseAtMs: 5_000,
  riseEveryMs: 3_000,
  untilMs: 60_000,
};

const scaled = (sessions: number, factor: number): number => Math.max(1, Math.round(sessions * factor));

/** One by one: users who all log in together keep step for a long time. */
function filled(sessions: number, { fillMs, settleMs }: Times): Step[] {
  return Array.from({ length: sessions }, (_, i) => ({
    atMs: -fillMs - settleMs + (i * fillMs) / sessions,
    sessions: i + 1,
  }));
}

/** Those who come with a rise all log in together, as in the paper, whose figures show it. */
function rises(factor: number, { riseAtMs, riseEveryMs }: Times): Step[] {
  const steps = (VM1_TO - VM1_FROM) / VM1_RISE;
  return Array.from({ length: steps }, (_, i) => ({
    atMs: riseAtMs + i * riseEveryMs,
    sessions: scaled(VM1_FROM + (i + 1) * VM1_RISE, factor),
  }));
}

export function bankPlan(factor: number, isQuick: boolean, seed = 1): BankPlan {
  const times = isQuick ? QUICK : FULL;
  return {
    seed,
    beginMs: -times.fillMs - times.settleMs,
    untilMs: times.untilMs,
    vms: [
      { vm: 'vm0', steps: filled(scaled(VM0_SESSIONS, factor), times) },
      { vm: 'vm1', steps: [...filled(scaled(VM1_FROM, factor), times), ...rises(factor, times)] },
    ],
  };
}

/** 0 before the first step. */
export const sessionsAt = (steps: readonly Step[], atMs: number): number =>
  steps.filter(step => step.atMs <= atMs).at(-1)?.sessions ?? 0;

/** The seed of one user: the n-th who comes to that VM. */
export const seedOf = (seed: number, vmIndex: number, serial: number): number =>
  (Math.imul(seed, 1_000_003) + Math.imul(vmIndex, 7_919_993) + serial) >>> 0;
