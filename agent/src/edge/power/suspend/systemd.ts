/**
 * Suspend by systemd-logind. `--check-inhibitors=yes`: without a terminal systemctl up to 256 ignores every lock
 * (systemctl(1) of Debian 12). S3 alone: a machine in s2idle is not asleep for its AMT, which could not wake it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { SuspendDriver } from '../types.ts';
import { awaitSleep } from './await-sleep.ts';
import { runProgram } from './run.ts';

export type SystemdOptions = {
  clock: Clock;
  bootMs: () => number;
  /** For tests. */
  sysPower?: string;
  systemctl?: readonly string[];
  inhibit?: readonly string[];
};

export function systemdSuspend({
  clock,
  bootMs,
  sysPower = '/sys/power',
  systemctl = ['systemctl', 'suspend', '--check-inhibitors=yes'],
  inhibit = ['systemd-inhibit', '--list', '--no-pager'],
}: SystemdOptions): SuspendDriver {
  const memSleep = join(sysPower, 'mem_sleep');
  const modes = () => readFile(memSleep, 'utf8').catch(() => '');
  return {
    name: 'systemd',
    async faults() {
      const found = await modes();
      if (/\bdeep\b/.test(found)) return [];
      const has = found.trim() === '' ? 'no sleep at all' : `only ${found.trim()}`;
      return [`${memSleep} offers ${has}, not deep (ACPI S3): look for S3 in the firmware’s settings`];
    },
    suspend: () =>
      awaitSleep(clock, bootMs, async () => {
        // What `mem` means; many machines come up with s2idle.
        if (!(await modes()).includes('[deep]')) {
          const failed = await writeFile(memSleep, 'deep').then(
            () => '',
            error => `S3 cannot be chosen: ${(error as Error).message}`,
          );
          if (failed !== '') return failed;
        }
        const { code, output } = await runProgram(systemctl);
        if (code === 0) return '';
        const { output: locks } = await runProgram(inhibit);
        return `systemctl suspend ended with ${code}: ${output}; inhibitors: ${locks}`;
      }),
  };
}
