/** Sleep and wake: whether this machine can sleep and come back, and whether this node could wake the others. */
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { clock } from '../clock.ts';
import { createPower } from '../power/create.ts';
import { openAmt, type WakeEntry } from '../power/methods.ts';
import { POWER_ON, POWER_S3 } from '../power/power-states.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** A management engine that dozes answers the second time. */
const ASK_MS = 10_000;
const ALARM = '/sys/class/rtc/rtc0/wakealarm';

export async function sleepCheck(config: Pick<Config, 'power' | 'node'>, alarm = ALARM): Promise<Check> {
  const name = 'sleep';
  const { sleep, suspend } = config.power;
  const driver = createPower(config, clock).suspend;
  if (!driver) return ok(name, 'this node does not sleep (power.suspend.driver: none)');
  const faults = await driver.faults();
  if (faults.length > 0) return fail(name, faults.join('; '), 'Mend it, or set power.sleep: off');
  const needsAlarm = suspend.alarmHours > 0 && driver.name !== 'simulated';
  const hasAlarm = await access(alarm).then(
    () => true,
    () => false,
  );
  if (needsAlarm && !hasAlarm)
    return fail(
      name,
      `no alarm clock at ${alarm}: nothing would end a sleep whose waker was lost`,
      'Look for the RTC in the firmware; or set power.suspend.alarmHours: 0 where somebody is near',
    );
  return ok(name, `by ${driver.name}, ${sleep === 'auto' ? 'by itself' : 'only when people ask'}`);
}

/** Of every other node: by this one, since a host cannot reach its own AMT. */
export async function wakeChecks({ power, node }: Pick<Config, 'power' | 'node'>): Promise<Check[]> {
  const others = power.wake.filter(entry => entry.node !== node.name);
  if (others.length === 0 && power.sleep === 'off') return [];
  if (others.length === 0)
    return [
      warn(
        'wake',
        'no way to wake another node is known here',
        'List them in power.wake, the same on every node',
      ),
    ];
  return Promise.all(others.map(wakeCheck));
}

async function wakeCheck(entry: WakeEntry): Promise<Check> {
  const name = `wake ${entry.node}`;
  if (entry.method === 'wol')
    return warn(
      name,
      `magic packets for ${entry.mac} to ${entry.ip}: nothing answers them`,
      'Try it once: shoal sleep --test there',
    );
  if (entry.method === 'command') return commandCheck(name, entry.command[0] ?? '');
  try {
    const { amt, close } = await openAmt(entry);
    try {
      const state = await amt.state(AbortSignal.timeout(ASK_MS));
      const words = state === POWER_ON ? 'on' : state === POWER_S3 ? 'asleep' : `in power state ${state}`;
      return ok(name, `its AMT at ${entry.ip} says that it is ${words}`);
    } finally {
      close();
    }
  } catch (error) {
    const { message, todo = '' } = error as { message: string; todo?: string };
    return fail(name, `AMT at ${entry.ip}: ${message}`, todo);
  }
}

async function commandCheck(name: string, program: string): Promise<Check> {
  if (!program.startsWith('/'))
    return warn(name, `${program} is looked for on the PATH`, 'Give its whole path');
  return access(program).then(
    () => ok(name, `by ${program}`),
    error => fail(name, (error as Error).message, 'Install it, or name another in power.wake'),
  );
}

/** Whether a magic packet would wake this machine: only where others have this node down for one. */
export async function wolCheck(
  { power, node }: Pick<Config, 'power' | 'node'>,
  net = '/sys/class/net',
): Promise<Check[]> {
  const name = 'wake on LAN';
  const macs = power.wake.filter(e => e.node === node.name && e.method === 'wol').map(e => e.mac);
  if (macs.length === 0) return [];
  const found = await Promise.all(macs.map(mac => cardOf(net, mac)));
  return found.map((card, i) => {
    if (!card) return fail(name, `no network card here has ${macs[i]}`, 'Mend mac in power.wake');
    const armed = card.wakeup === 'enabled';
    const what = `${card.name}: wakeup ${card.wakeup || 'not offered'}`;
    return armed ? ok(name, what) : fail(name, what, `ethtool -s ${card.name} wol g, at every boot`);
  });
}

async function cardOf(net: string, mac: string): Promise<{ name: string; wakeup: string } | undefined> {
  for (const name of await readdir(net).catch(() => [])) {
    const read = (file: string) =>
      readFile(join(net, name, file), 'utf8').then(
        text => text.trim(),
        () => '',
      );
    if ((await read('address')) === mac) return { name, wakeup: await read('device/power/wakeup') };
  }
  return undefined;
}
