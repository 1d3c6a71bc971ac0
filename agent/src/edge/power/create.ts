/** What this machine can do about its own power, and about that of its peers, by the configuration. */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import { type Marks, methodsOf } from './methods.ts';
import { noAlarm, rtcAlarm } from './suspend/alarm.ts';
import { commandSuspend } from './suspend/command.ts';
import { MACHINE, simulatedSuspend } from './suspend/simulated.ts';
import { systemdSuspend } from './suspend/systemd.ts';
import type { PowerPorts, SuspendDriver, WakeMethod } from './types.ts';

/** `marks`: what is known of refused credentials, by whoever asks. */
export type MachinePower = Omit<PowerPorts, 'methods' | 'canWake'> & {
  methods(name: string, marks: Marks): WakeMethod[];
  canWake(name: string, marks: Marks): boolean;
};

export function createPower({ power, node }: Pick<Config, 'power' | 'node'>, clock: Clock): MachinePower {
  const bootMs = () => uptime() * 1000;
  return {
    suspend: driverOf(power.suspend, node.runDir, clock, bootMs),
    bootMs,
    hardware: hardwareId(),
    alarm: power.suspend.alarmHours > 0 && power.suspend.driver !== 'simulated' ? rtcAlarm() : noAlarm,
    methods: (name, marks) => methodsOf(power.wake, name, { clock, ...marks }),
    canWake: (name, { isRefused }) =>
      power.wake.some(
        ({ node: named, method, password_version: version }) =>
          named === name && (method !== 'amt' || !isRefused(name, version)),
      ),
  };
}

/** Root alone may read it. */
const PRODUCT_UUID = '/sys/class/dmi/id/product_uuid';

function hardwareId(): string {
  try {
    return readFileSync(PRODUCT_UUID, 'utf8').trim();
  } catch {
    return '';
  }
}

function driverOf(
  { driver, command, dir }: Config['power']['suspend'],
  runDir: string,
  clock: Clock,
  bootMs: () => number,
): SuspendDriver | undefined {
  if (driver === 'systemd') return systemdSuspend({ clock, bootMs });
  if (driver === 'command') return commandSuspend(command, clock, bootMs);
  if (driver === 'simulated') return simulatedSuspend(dir || join(runDir, MACHINE), clock);
  return undefined;
}
