/** The machine below the agent: Node, kernel, clock, cgroups. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { promisify } from 'node:util';
import type { Config } from '../../config/config.ts';
import { atLeast, type Check, fail, ok, warn } from './check.ts';

export function nodeCheck(version = process.versions.node): Check {
  if (atLeast(version, [20, 19])) return ok('node.js', version);
  return fail('node.js', `${version}, too old`, 'Install Node.js 20.19 or newer');
}

/** Floors: userfaultfd on tmpfs with what the page server needs 5.14; khugepaged heeds userfaultfd from 6.4 on. */
export function kernelCheck(version = release()): Check {
  if (!atLeast(version, [5, 14]))
    return fail('kernel', `${version}, too old for post-copy`, 'Boot Linux 5.14 or newer');
  if (atLeast(version, [6, 4])) return ok('kernel', version);
  return warn(
    'kernel',
    `${version}: huge pages of tmpfs are not safe under post-copy`,
    'Boot 6.4 or newer, or see the check of huge pages',
  );
}

/** Clock sources that a CPU reads itself; with others each look at the clock is a slow trap or port read. */
const FAST_CLOCKS = ['tsc', 'kvm-clock', 'hyperv_clocksource_tsc_page', 'arch_sys_counter'];
/** Before this no Shoal was written: a clock that says so was never set. */
const FIRST_YEAR = 2025;

/** Decisions stand on monotonic clocks alone; the wall clock is for people who compare logs. */
export async function clockCheck(): Promise<Check> {
  const source = read('/sys/devices/system/clocksource/clocksource0/current_clocksource');
  const year = new Date().getFullYear();
  return judgeClock({ source, year, synchronised: await synchronised() });
}

export type ClockFacts = { source: string; year: number; synchronised: boolean | undefined };

export function judgeClock({ source, year, synchronised }: ClockFacts): Check {
  if (year < FIRST_YEAR) return fail('clock', `the year is ${year}`, 'Set the clock, and keep it with NTP');
  if (source && !FAST_CLOCKS.includes(source))
    return warn(
      'clock',
      `clock source ${source} is slow to read`,
      'See why the kernel gave up tsc: dmesg | grep -i clocksource',
    );
  if (synchronised === false)
    return warn(
      'clock',
      `clock source ${source}, not synchronised`,
      'Run chrony or systemd-timesyncd, so that logs of nodes can be compared',
    );
  return ok('clock', `clock source ${source || 'unknown'}${synchronised ? ', synchronised' : ''}`);
}

/** What systemd says of NTP; undefined where nobody can tell (a container, another init). */
async function synchronised(): Promise<boolean | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      'timedatectl',
      ['show', '-p', 'NTPSynchronized', '--value'],
      {
        timeout: 2000,
      },
    );
    return stdout.trim() === 'yes';
  } catch {
    return undefined;
  }
}

/** The agent reads v1 and v2; what matters is that the configured directories are there. */
export function cgroupCheck({ cpu }: Pick<Config, 'cpu'>, root = '/sys/fs/cgroup'): Check {
  const version = existsSync(`${root}/cgroup.controllers`)
    ? 'v2'
    : existsSync(`${root}/cpuacct`)
      ? 'v1'
      : 'none';
  const wanted = [...(cpu.source === 'cgroup' ? [cpu.cgroup] : []), ...cpu.vmCgroups];
  const missing = wanted.filter(dir => !statSync(dir, { throwIfNoEntry: false })?.isDirectory());
  if (missing.length)
    return fail(
      'cgroup',
      `${version}; no directory: ${missing.join(', ')}`,
      'Create it, or mend cpu.cgroup and cpu.vmCgroups',
    );
  if (version === 'none' && cpu.source === 'cgroup')
    return fail('cgroup', 'none is mounted', 'Mount cgroup2 on /sys/fs/cgroup, or set cpu.source: host');
  return ok('cgroup', version === 'none' ? 'none, none needed' : version);
}

export function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
