/** The experiments by name. */

import { bank } from './bank/bank.ts';
import { crowd } from './beyond/crowd.ts';
import { flap } from './beyond/flap.ts';
import { sleepers } from './beyond/sleep.ts';
import { compile } from './compile/compile.ts';
import type { Experiment } from './frame/types.ts';
import { staircase } from './staircase/staircase.ts';

export const EXPERIMENTS: readonly Experiment[] = [staircase, compile, bank, flap, crowd, sleepers];
