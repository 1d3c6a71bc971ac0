/** Whether the machine has slept since a driver was called: by the clocks, since no exit code is proof. */
import { type Clock, sleep } from '../../clock.ts';
import { SleptTime } from '../slept.ts';
import type { Suspended } from '../types.ts';

/** The kernel gives up freezing tasks after 20 s (`pm_freeze_timeout`); devices and firmware come on top. */
const SUSPEND_MS = 40_000;
const LOOK_MS = 200;

/** `suspend` resolves with why not, empty when it was asked for. */
export async function awaitSleep(
  clock: Clock,
  bootMs: () => number,
  suspend: () => Promise<string>,
): Promise<Suspended> {
  const slept = new SleptTime(clock, bootMs);
  const untilMs = clock.nowMs() + SUSPEND_MS;
  const why = await suspend();
  for (;;) {
    if (slept.look() > 0) return { suspended: true };
    if (why !== '') return { suspended: false, why };
    if (clock.nowMs() >= untilMs)
      return { suspended: false, why: `it had not slept after ${SUSPEND_MS / 1000} s` };
    await sleep(clock, LOOK_MS);
  }
}
