/** One suspend of this machine, from the last look to being awake again. */
import type { Logger } from '../log.ts';
import { type Supervised, TEST_ALARM_S } from './supervised.ts';
import type { PowerPorts } from './types.ts';

export type SuspendingDeps = {
  ports: Pick<PowerPorts, 'alarm' | 'suspend' | 'bootMs'>;
  supervised: Supervised;
  log: Logger;
  empty(): boolean;
  /** The alarm of last resort, s. */
  alarmS: number;
  isTest: boolean;
};

/** `seconds`: it slept for so long. Never rejects. */
export async function suspendMachine(deps: SuspendingDeps): Promise<{ seconds: number } | { why: string }> {
  const { ports, supervised, log, empty, isTest } = deps;
  const ended = await armed(deps).then(
    // Looked at once more after all that took time.
    () => (empty() ? suspended(ports) : { why: 'something is to run here' }),
    // Nobody may be there to wake it when its address is lost: without the alarm it does not sleep.
    error => ({ why: `no alarm: ${String(error)}` }),
  );
  await ports.alarm(0).catch(error => log.warn({ error: String(error) }, 'an alarm is still armed'));
  if ('why' in ended && isTest)
    await supervised
      .cancelled()
      .catch(error => log.warn({ error: String(error) }, 'a test is not called off'));
  return ended;
}

async function armed({ ports, supervised, alarmS, isTest }: SuspendingDeps): Promise<void> {
  if (isTest) await supervised.begin();
  await ports.alarm(isTest ? TEST_ALARM_S : alarmS);
}

async function suspended({
  suspend,
  bootMs,
}: SuspendingDeps['ports']): Promise<{ seconds: number } | { why: string }> {
  const begunMs = bootMs();
  const ended = (await suspend?.suspend()) ?? { suspended: false, why: 'there is no driver' };
  return ended.suspended ? { seconds: (bootMs() - begunMs) / 1000 } : { why: ended.why };
}
