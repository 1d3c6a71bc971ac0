/**
 * A sleep that somebody else plays (the lab): a file says that the machine sleeps, and it sleeps until that file is gone. What
 * plays it stops this process meanwhile, so that it is as silent as in S3.
 */
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../../clock.ts';
import type { SuspendDriver } from '../types.ts';

const LOOK_MS = 20;
/** In `dir`, while it sleeps: the process to be stopped. */
export const ASLEEP = 'asleep';
/** The directory, in that of the agent's sockets, where none is named. */
export const MACHINE = 'machine';

export function simulatedSuspend(dir: string, clock: Clock): SuspendDriver {
  const file = join(dir, ASLEEP);
  const isThere = () =>
    access(file).then(
      () => true,
      () => false,
    );
  return {
    name: 'simulated',
    faults: async () => [],
    async suspend() {
      try {
        await mkdir(dir, { recursive: true });
        await writeFile(file, `${process.pid}\n`);
        while (await isThere()) await sleep(clock, LOOK_MS);
        return { suspended: true };
      } catch (error) {
        return { suspended: false, why: (error as Error).message };
      }
    },
  };
}
