/**
 * How many users, and what a page costs, fixed by a rule before the first arm (decision 0025): the largest factor at which VM1
 * on a node of its own is at least 97 % Good; if with both VMs on one node it is then above 75 % Good, pages cost more, and the factor
 * is found anew. What was measured already is not measured again.
 */
import { ShoalError } from '@shoal/agent/errors';

export type Trial = { arm: 'apart' | 'none'; factor: number; cost: number };
/** `goodPercent`: of VM1. */
export type Outcome = Trial & { goodPercent: number };
export type Calibration = { factor: number; cost: number };

export const APART_LEAST_PERCENT = 97;
export const NONE_MOST_PERCENT = 75;
/** As hundredths, or 0.1 + 0.2 would not be a factor that was tried. */
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

/** What to try next, or what was found: by bisection, since more users are never more content. Pure. */
export function next(outcomes: readonly Outcome[], firstCost: number): Next {
  for (let time = 0; time <= DEARER_TIMES_MAX; time++) {
    const cost = Math.round(firstCost * DEARER ** time);
    const largest = largestFactor(outcomes, cost);
    if (typeof largest === 'object') return largest;
    if (largest === 0) return { none: `with ${LEAST / 100} times the users VM1 alone is not content` };
    const trial: Trial = { arm: 'none', factor: largest, cost };
    const together = known(outcomes, trial);
    if (together === undefined) return { trial };
    if (together <= NONE_MOST_PERCENT) return { found: { factor: largest, cost } };
  }
  return { none: `VM1 is over ${NONE_MOST_PERCENT} % Good beside VM0, whatever pages cost` };
}

/** A trial while it is not known; 0: even the least is too many. */
function largestFactor(outcomes: readonly Outcome[], cost: number): number | { trial: Trial } {
  let [content, not] = [LEAST - GRID, MOST + GRID];
  let at = 100;
  while (not - content > GRID) {
    const trial: Trial = { arm: 'apart', factor: at / 100, cost };
    const goodPercent = known(outcomes, trial);
    if (goodPercent === undefined) return { trial };
    if (goodPercent >= APART_LEAST_PERCENT) content = at;
    else not = at;
    at = GRID * Math.round((content + not) / 2 / GRID);
  }
  return content < LEAST ? 0 : content / 100;
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
