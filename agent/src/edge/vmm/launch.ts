/**
 * Starts a VMM in a session of its own, so that it outlives the agent; as another user if so configured. The agent
 * opens `/dev/userfaultfd` and passes it on as descriptor 3: an unprivileged QEMU may then make a userfaultfd that
 * traps kernel faults too, without any right of its own (kernel admin-guide/mm/userfaultfd.rst).
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../errors.ts';
import { isAlive, openLog, type ProcessId, startTicks } from './processes.ts';
import { Qmp } from './qmp.ts';

export type LaunchOptions = {
  /** The VM's name, for errors. */
  name: string;
  command: string;
  args: string[];
  /** Appended to; its last lines explain a VMM that ends at once. */
  log: string;
  qmp: string;
  /** Written before there is a process, and again with its pid: whatever dies next, this one can be found again. */
  process: string;
  ram: string;
  /** The preload library; empty = none (a VMM that cannot be the target of post-copy). */
  preload: string;
  /** Arms the preload: the page server listens here. */
  uffdSocket: string | undefined;
  runAs: { uid: number; gid: number } | undefined;
  /** cgroup directories that the VMM is put into. */
  cgroups: string[];
};

/** A busy node under emulation takes a second or two to get QEMU to its monitor. */
const START_TIMEOUT_MS = 20_000;
/** Between a VMM's last word to its monitor and its exit. */
const EXIT_MS = 500;
/** In place of a pid that is not known yet: see `processIn`. */
const STARTING: ProcessId = { pid: 0, startTicks: '' };
const USERFAULTFD = '/dev/userfaultfd';

/** Resolves when the monitor answers. Rejects with QEMU's own words when the process ends before. */
export async function launch(options: LaunchOptions): Promise<{ id: ProcessId; qmp: Qmp }> {
  const log = openLog(options.log);
  const device = openDevice();
  try {
    writeFileSync(options.process, JSON.stringify(STARTING), { mode: 0o600 });
    const [command, ...args] = atGuestPriority([options.command, ...options.args], getPriority());
    const child = spawn(command as string, args, {
      detached: true,
      stdio: ['ignore', log, log, device ?? 'ignore'],
      env: environment(options, device !== undefined),
      ...(options.runAs && { uid: options.runAs.uid, gid: options.runAs.gid }),
    });
    const failed = new Promise<never>((_, reject) => {
      child.once('error', error => reject(startFault(options, error.message)));
      child.once('exit', code =>
        reject(startFault(options, `it ended with ${code}: ${lastLine(options.log)}`)),
      );
    });
    failed.catch(() => undefined);
    child.unref();
    if (child.pid === undefined) return await failed;
    try {
      const id = { pid: child.pid, startTicks: startTicks(child.pid) ?? '' };
      writeFileSync(options.process, JSON.stringify(id), { mode: 0o600 });
      for (const dir of options.cgroups) writeFileSync(join(dir, 'cgroup.procs'), String(child.pid));
      return { id, qmp: await Promise.race([connectQmp(options.qmp, id), failed]) };
    } catch (error) {
      // A monitor that closes mostly means a VMM that ends: then its own words say why.
      await Promise.race([failed, sleep(EXIT_MS)]);
      child.kill('SIGKILL');
      throw error;
    }
  } finally {
    closeSync(log);
    if (device !== undefined) closeSync(device);
  }
}

/**
 * An agent that runs ahead of all else on its node (docs/decisions/0013) must not take its guests along: a process starts
 * with the niceness of its parent (nice(1), setpriority(2)), and threads that exist already keep theirs.
 */
export const atGuestPriority = (command: string[], own: number): string[] =>
  own < 0 ? ['nice', '-n', String(-own), ...command] : command;

/**
 * Waits until the monitor's socket is there and speaks, or the process is gone: whoever went on would take the one
 * connection that the next process of the same VM has to give.
 */
async function connectQmp(path: string, id: ProcessId): Promise<Qmp> {
  const untilMs = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await Qmp.open(path, START_TIMEOUT_MS);
    } catch (error) {
      if (Date.now() > untilMs || !isAlive(id) || error instanceof ShoalError) throw error;
      await sleep(5);
    }
  }
}

function openDevice(): number | undefined {
  try {
    return openSync(USERFAULTFD, 'r+');
  } catch {
    return undefined; // no right or an older kernel: the preload tries the system call, and says so if that fails too
  }
}

function environment(options: LaunchOptions, device: boolean): NodeJS.ProcessEnv {
  const { PATH, LANG } = process.env;
  return {
    PATH,
    LANG,
    ...(options.preload && { LD_PRELOAD: options.preload, SHOAL_UFFD_RAM: options.ram }),
    ...(options.uffdSocket && { SHOAL_UFFD_SOCKET: options.uffdSocket }),
    ...(device && { SHOAL_UFFD_DEVICE_FD: '3' }),
  };
}

export function lastLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  } catch {
    return '';
  }
}

/** Its log goes with a VM that could not be created, so the error has the words that matter. */
const startFault = ({ name }: LaunchOptions, what: string): ShoalError =>
  new ShoalError('SHOAL_VMM_START', `the VMM did not start: ${what}`, name, 'Mend what it names');
