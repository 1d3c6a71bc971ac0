/** Suspend by a program of the operator's: for machines without systemd, and for what is no S3 at all (a node that is switched off). */
import type { Clock } from '../../clock.ts';
import type { SuspendDriver } from '../types.ts';
import { awaitSleep } from './await-sleep.ts';
import { runProgram } from './run.ts';

export function commandSuspend(words: readonly string[], clock: Clock, bootMs: () => number): SuspendDriver {
  return {
    name: 'command',
    async faults() {
      return words.length > 0 ? [] : ['power.suspend.command is empty: name a program'];
    },
    suspend: () =>
      awaitSleep(clock, bootMs, async () => {
        const { code, output } = await runProgram(words);
        return code === 0 ? '' : `${words[0]} ended with ${code}: ${output}`;
      }),
  };
}
