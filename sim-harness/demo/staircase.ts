/** The paper's first experiment (section 5.1.1): VM0 at a constant 20 %, VM1 in steps. Pure. */

export const VM0_PERCENT = 20;
export const VM1_STEPS_PERCENT = [0, 50, 100, 50, 0] as const;

/** What VM1 wants at a moment, percent; its last step goes on for ever. */
export const vm1Percent = (atMs: number, stepMs: number): number =>
  VM1_STEPS_PERCENT[Math.min(VM1_STEPS_PERCENT.length - 1, Math.floor(atMs / stepMs))] as number;

export const staircaseMs = (stepMs: number): number => VM1_STEPS_PERCENT.length * stepMs;
