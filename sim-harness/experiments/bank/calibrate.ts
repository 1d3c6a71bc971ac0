/**
 * How many users, and what a page costs, fixed by a rule before the first arm (decision 0025): as many as in the paper, if with
 * them VM1 on a node of its own is at least 97 % Good and with both VMs on one node at most 75 %; else the factor nearest to that by
 * bisection. Where all the users that there may be are content on one node, pages cost more. What was measured is not measured again.
 */
import { ShoalError } from '@shoal/agent/errors';

export type Trial = { arm: 'apart' | 'none'; factor: number; cost: number };
/** `goodPercent`: of VM1. */
export type Outcome = Trial & { goodPercent: number };
export type Calibration = { factor: number; cost: number };

export const APART_LEAST_PERCENT = 97;
export const NONE_MOST_PERCENT = 75;
/** As hundredths, or 0.1 + 0.2 would not be a factor that was tried. */
const PAPER = 100;
const LEAST = 20;
const MOST = 300;
const GRID = 5;
/** What pages cost more each time. */
const DEARER = 1.25;
const DEARER_TIMES_MAX = 6;

type Next = { trial: Trial } | { found: Calibration } | { none: string };

/** The Good share of a trial that was made; undefined: it was not. */
const known = (outcomes: readonly Outcome[], { arm, factor, cost }: Trial): number | undefined =>
  outcomes.find(o => o.arm === arm && o.factor === factor && o.cost === cost)?.goodPercent;

/** What to try next, or what was found: the paper's numbers, then by bisection, since more users are never more content. Pure. */
export function next(outcomes: readonly Outcome[], firstCost: number): Next {
  for (let time = 0; time <= DEARER_TIMES_MAX; time++) {
    const cost = Math.round(firstCost * DEARER ** time);
    const step = nextAt(outcomes, cost);
    if (step !== 'too cheap') return step;
  }
  return { none: `VM1 is over ${NONE_MOST_PERCENT} % Good beside VM0, whatever pages cost` };
}

/** With pages of one cost; `too cheap`: VM1 is content beside VM0 with all the users that there may be. */
function nextAt(outcomes: readonly Outcome[], cost: number): Next | 'too cheap' {
  let [few, many] = [LEAST - GRID, MOST + GRID];
  let at = PAPER;
  while (many - few > GRID) {
    const apart: Trial = { arm: 'apart', factor: at / 100, cost };
    const none: Trial = { ...apart, arm: 'none' };
    const alone = known(outcomes, apart);
    if (alone === undefined) return { trial: apart };
    if (alone < APART_LEAST_PERCENT) many = at;
    else {
      const together = known(outcomes, none);
      if (together === undefined) return { trial: none };
      if (together <= NONE_MOST_PERCENT) return { found: { factor: at / 100, cost } };
      few = at;
    }
    at = GRID * Math.round((few + many) / 2 / GRID);
  }
  if (many > MOST) return 'too cheap';
  return {
    none: `VM1 is not content alone with ${many / 100} times the users, and with fewer it is beside VM0`,
  };
}

/** Trials are added to `outcomes` as they are made. Throws SHOAL_EXPERIMENT_SCALE where no factor is right. */
export async function calibrate(
  run: (trial: Trial) => Promise<number>,
  firstCost: number,
  outcomes: Outcome[] = [],
): Promise<Calibration> {
  for (;;) {
    const step = next(outcomes, firstCost);
    if ('found' in step) return step.found;
    if ('none' in step)
      throw new ShoalError(
        'SHOAL_EXPERIMENT_SCALE',
        step.none,
        'bank',
        'Free the machine, or choose another cost of a page',
      );
    outcomes.push({ ...step.trial, goodPercent: await run(step.trial) });
  }
}
