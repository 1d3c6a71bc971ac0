/**
 * Processes that outlive the agent, by pid *and* start time: a recycled pid is never touched. Only "no such process"
 * counts as gone: a read that fails for any other reason (no descriptor left, no memory) proves nothing, and a guest that
 * is taken for dead while it runs is ended by whoever starts its next self.
 */
import { constants, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export type ProcessId = { pid: number; startTicks: string };

/** What a file of `/proc/<pid>` holds, or undefined when there is no such process (proc(5)); throws for any other reason. */
function ofProc(pid: number, file: 'stat' | 'cmdline'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * `/proc/<pid>/stat` field 22 (proc_pid_stat(5)), or undefined when there is no such process (or only its zombie). Its first
 * thread is a zombie from its own end on; while others (field 20) are still there, so are the files and locks of all.
 */
export function startTicks(pid: number): string | undefined {
  const stat = ofProc(pid, 'stat');
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' && Number(fields[17]) <= 1 ? undefined : fields?.[19];
}

/** False only when it is known to be gone. */
export function isAlive(id: ProcessId): boolean {
  try {
    return startTicks(id.pid) === id.startTicks;
  } catch {
    return true;
  }
}

/** Sends the signal if the process is known to be the one that is meant; false when it is gone, or nobody can tell. */
export function signal(id: ProcessId, name: NodeJS.Signals): boolean {
  try {
    return startTicks(id.pid) === id.startTicks && process.kill(id.pid, name);
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

/**
 * The process that a file of ours names, whether it lives or not; undefined when there is no file. `torn`: an agent was
 * killed while it wrote it, so that its process must be looked for (`processNaming`).
 */
export async function processIn(path: string): Promise<ProcessId | 'torn' | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { pid, startTicks } = JSON.parse(text) as Partial<ProcessId>;
    return pid && startTicks ? { pid, startTicks } : 'torn';
  } catch {
    return 'torn';
  }
}

/** Who may own what this agent started: itself, and the user that it starts them as. */
export const ownersOf = (runAs: { uid: number } | undefined): number[] => [
  process.getuid?.() ?? 0,
  ...(runAs ? [runAs.uid] : []),
];

/** The process of one of these users whose command line has the word, which only one process of this machine may have. */
export function processNaming(word: string, uids: readonly number[]): ProcessId | undefined {
  for (const pid of readdirSync('/proc').map(Number)) {
    if (!(pid > 0) || !namedBy(pid, word, uids)) continue;
    const ticks = startTicks(pid);
    if (ticks !== undefined) return { pid, startTicks: ticks };
  }
  return undefined;
}

/** What may not be looked at is not ours (`hidepid`, proc(5)). */
function namedBy(pid: number, word: string, uids: readonly number[]): boolean {
  try {
    if (!ofProc(pid, 'cmdline')?.split('\0').includes(word)) return false;
    return uids.includes(statSync(`/proc/${pid}`).uid);
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
