/** Whether the machine has slept since a driver was called: by the clocks, since no exit code is proof. */
import { type Clock, sleep } from '../../clock.ts';
import { SleptTime } from '../slept.ts';
import type { Suspended } from '../types.ts';

/**
 * A suspend is asked for and comes when it comes: hooks of systemd first, then the kernel freezes tasks (20 s at most, `pm_freeze_timeout`),
 * devices and firmware. Until then this node takes no VM: it is better closed for minutes than asleep with one.
 */
const SUSPEND_MS = 300_000;
const LOOK_MS = 200;

/** `suspend` resolves with why not, empty when it was asked for. */
export async function awaitSleep(
  clock: Clock,
  bootMs: () => number,
  suspend: () => Promise<string>,
): Promise<Suspended> {
  const slept = new SleptTime(clock, bootMs);
  const untilMs = clock.nowMs() + SUSPEND_MS;
  let why = '';
  // A program that hangs, before or after, does not hold up what the clocks say.
  suspend().then(
    said => {
      why = said;
    },
    error => {
      why = String(error);
    },
  );
  for (;;) {
    if (slept.look() > 0) return { suspended: true };
    if (why !== '') return { suspended: false, why };
    if (clock.nowMs() >= untilMs)
      return { suspended: false, why: `it had not slept after ${SUSPEND_MS / 1000} s` };
    await sleep(clock, LOOK_MS);
  }
}
