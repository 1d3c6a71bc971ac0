/** Finds the size of the banks on this machine: whole runs of two arms, until the rule of `calibrate.ts` is content. */
import { ARMS } from '../frame/arms.ts';
import { runBank } from './bank.ts';
import { calibrate, type Trial } from './calibrate.ts';
import { keepScale, STANDARD } from './scale.ts';

/** Answers the file in which it is kept. */
export async function findScale(say: (line: string) => void): Promise<string> {
  const found = await calibrate(async (trial: Trial) => {
    const { arm, factor, cost } = trial;
    say(`${arm}, ${factor} times the users, pages of ${cost}`);
    const { figures } = await runBank(ARMS[arm], false, line => say(`  ${line}`), trial);
    const good = figures.vm1GoodPct ?? 0;
    say(`${arm}, ${factor} times the users, pages of ${cost}: ${good} % Good`);
    return good;
  }, STANDARD.cost);
  return keepScale(found);
}
