/** Finds the size of the banks on this machine: whole runs of two arms, until the rule of `calibrate.ts` is content. */
import { ShoalError } from '@shoal/agent';
import { disturbed } from '../../bench/others.ts';
import { ARMS } from '../frame/arms.ts';
import { TRIES } from '../frame/order.ts';
import { runBank } from './bank.ts';
import { calibrate, type Trial } from './calibrate.ts';
import { keepScale, STANDARD } from './scale.ts';

/** Answers the file in which it is kept. Throws SHOAL_EXPERIMENT_SCALE where there is none, or others do not let it be found. */
export async function findScale(say: (line: string) => void): Promise<string> {
  const found = await calibrate(trial => undisturbed(trial, say), STANDARD.cost);
  return keepScale(found);
}

/** By the rule of cells: what others disturb says nothing of how many users a node carries. */
async function undisturbed(trial: Trial, say: (line: string) => void): Promise<number> {
  const name = `${trial.arm}, ${trial.factor} times the users, pages of ${trial.cost}`;
  for (let tries = 0; tries < TRIES; tries++) {
    say(name);
    const { figures, others } = await runBank(ARMS[trial.arm], false, line => say(`  ${line}`), trial);
    const good = figures.vm1GoodPct ?? 0;
    const why = disturbed(others);
    say(`${name}: ${good} % Good${why && `; discarded, ${why}`}`);
    if (!why) return good;
  }
  const what = `others used the cores, ${TRIES} times`;
  throw new ShoalError('SHOAL_EXPERIMENT_SCALE', what, name, 'Run it again when the machine is quiet');
}
