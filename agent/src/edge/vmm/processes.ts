/** Processes that outlive the agent, by pid *and* start time: a recycled pid is never touched. */
import { constants, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type ProcessId = { pid: number; startTicks: string };

/** `/proc/<pid>/stat` field 22 (proc(5)), or undefined when there is no such process (or only its zombie). */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export const isAlive = (id: ProcessId): boolean => startTicks(id.pid) === id.startTicks;

/** Sends the signal if the process is still the one that is meant; false when it is gone. */
export function signal(id: ProcessId, name: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    process.kill(id.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Resolves to true when it is gone, false when it still lives after `timeoutMs`. */
export async function gone(id: ProcessId, timeoutMs: number): Promise<boolean> {
  const untilMs = Date.now() + timeoutMs;
  for (let waitMs = 2; isAlive(id); waitMs = Math.min(50, waitMs * 2)) {
    if (Date.now() >= untilMs) return false;
    await sleep(waitMs);
  }
  return true;
}

/** Calls back once when the process has ended; polls, since it may be the child of an earlier agent. */
export function watchExit(id: ProcessId, onExit: () => void): () => void {
  // 200 ms: a crash is news for people; nothing on the switch path waits for it.
  const timer = setInterval(() => {
    if (isAlive(id)) return;
    clearInterval(timer);
    onExit();
  }, 200);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Appends to a log file; the descriptor is the child's stdout and stderr. The directory may belong to a VMM's user, who
 * could have put a link there to a file that is not his.
 */
export const openLog = (path: string): number =>
  openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);

/** The process of that pid if its command line has the word: tells a VMM of ours from whoever has the pid today. */
export function processWith(pid: number, word: string): ProcessId | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const ticks = startTicks(pid);
    return ticks !== undefined && words.includes(word) ? { pid, startTicks: ticks } : undefined;
  } catch {
    return undefined;
  }
}
