/** The experiments by name. */
import type { Experiment } from './frame/types.ts';
import { staircase } from './staircase/staircase.ts';

export const EXPERIMENTS: readonly Experiment[] = [staircase];
