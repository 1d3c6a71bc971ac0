/** Starts, finds again and ends page servers: processes of their own that outlive the agent. */
import { execFile, spawn } from 'node:child_process';
import { closeSync, writeFileSync } from 'node:fs';
import { lchown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ShoalError } from '../../errors.ts';
import { lastLine } from '../vmm/launch.ts';
import {
  gone,
  isAlive,
  openLog,
  ownersOf,
  type ProcessId,
  processIn,
  processNaming,
  signal,
  startTicks,
} from '../vmm/processes.ts';
import { ControlledPageServer } from './control.ts';
import type { PageServer, PageServers, SessionFile } from './types.ts';

export type PageServersOptions = {
  runDir: string;
  /** `shoal-pages`. */
  command: string;
  runAs: { uid: number; gid: number } | undefined;
  /**
   * cgroup directories of the guests. There a target's page server shares the cores with the guest that it serves: in the
   * agent's own share it would always go first, and what the memory costs to take in would be the guest's loss. Which of its
   * threads go before guests all the same it says by niceness. A source's stays with the agent.
   */
  guests: string[];
};

const run = promisify(execFile);
/** A process that was killed is gone within milliseconds, unless the kernel itself holds it. */
const KILLED_MS = 5000;

/** What ends a page server as soon as it is started most likely still holds a moment later. */
const AGAIN_MS = 1000;

export function createPageServers(options: PageServersOptions): PageServers {
  const root = join(options.runDir, 'h');
  // The directory belongs to the user that the page server runs as; what the agent itself believes is beside it.
  const dirOf = (handoff: string) => join(root, handoff.slice(0, 8));
  /** When each was started last, by the clock of `performance.now`. */
  const startedMs = new Map<string, number>();
  const pidFileOf = (handoff: string) => `${dirOf(handoff)}.pid`;

  async function writeSession(dir: string, session: SessionFile): Promise<void> {
    const draft = join(dir, 'session.json.new');
    await rm(draft, { force: true });
    // A new file: a link that the directory's owner put there must not be written through.
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(session));
      await file.sync();
    } finally {
      await file.close();
    }
    await give(draft);
    await rename(draft, join(dir, 'session.json'));
  }

  async function give(path: string): Promise<void> {
    if (options.runAs) await lchown(path, options.runAs.uid, options.runAs.gid);
  }

  async function read(handoff: string): Promise<{ session: SessionFile; id: ProcessId } | undefined> {
    const session = await readFile(join(dirOf(handoff), 'session.json'), 'utf8')
      .then(text => JSON.parse(text) as SessionFile)
      .catch(() => undefined);
    if (session?.handoff !== handoff) return undefined;
    const id = await processOf(handoff);
    return id && { session, id };
  }

  /** An agent that was killed right after it started one has not written it down: then its command line tells. */
  async function processOf(handoff: string): Promise<ProcessId | undefined> {
    const id = await processIn(pidFileOf(handoff));
    return id && id !== 'torn' && isAlive(id) ? id : processNaming(dirOf(handoff), ownersOf(options.runAs));
  }

  /** Two of one session would take the one link from each other; one without its session would stay for ever. */
  async function endLeft(handoff: string): Promise<void> {
    const left = await processOf(handoff);
    if (left && signal(left, 'SIGKILL') && !(await gone(left, KILLED_MS)))
      throw new ShoalError('SHOAL_PAGES_START', 'an earlier page server does not end', `pid ${left.pid}`, '');
  }

  return {
    async init(handoff) {
      const dir = dirOf(handoff);
      await mkdir(root, { recursive: true, mode: 0o711 });
      await rm(dir, { recursive: true, force: true });
      const { stdout } = await run(options.command, ['init', dir]);
      const { certSha256 } = JSON.parse(stdout) as { certSha256: string };
      for (const name of ['', ...(await readdir(dir))]) await give(join(dir, name));
      return { certSha256, dir, streamSocket: join(dir, 'stream.sock'), uffdSocket: join(dir, 'uffd.sock') };
    },

    async start(session): Promise<PageServer> {
      const soonMs = (startedMs.get(session.handoff) ?? -AGAIN_MS) + AGAIN_MS - performance.now();
      if (soonMs > 0) await sleep(soonMs);
      startedMs.set(session.handoff, performance.now());
      const dir = dirOf(session.handoff);
      await endLeft(session.handoff);
      await writeSession(dir, session);
      const logPath = join(dir, 'log');
      const log = openLog(logPath);
      await rm(join(dir, 'control.sock'), { force: true });
      const child = spawn(options.command, [session.role, dir], {
        detached: true,
        stdio: ['ignore', log, log],
        ...(options.runAs && { uid: options.runAs.uid, gid: options.runAs.gid }),
      });
      closeSync(log);
      child.on('error', () => undefined); // no pid then: reported below
      child.unref();
      const fault = () =>
        new ShoalError(
          'SHOAL_PAGES_START',
          `the page server did not start: ${lastLine(logPath)}`,
          logPath,
          '',
        );
      if (child.pid === undefined) throw fault();
      const id = { pid: child.pid, startTicks: startTicks(child.pid) ?? '' };
      // At once: an agent that is killed here would leave a process that no file tells of.
      writeFileSync(pidFileOf(session.handoff), JSON.stringify(id), { mode: 0o600 });
      for (const cgroup of session.role === 'fetch' ? options.guests : [])
        await writeFile(join(cgroup, 'cgroup.procs'), String(child.pid));
      const server = await ControlledPageServer.connect(session.handoff, id, join(dir, 'control.sock'));
      if (!server) throw fault();
      return server;
    },

    rewrite: session => writeSession(dirOf(session.handoff), session),

    async adopt(handoff) {
      const known = await read(handoff);
      if (!known) return undefined;
      return ControlledPageServer.connect(handoff, known.id, join(dirOf(handoff), 'control.sock'));
    },

    async remove(handoff) {
      startedMs.delete(handoff);
      await rm(dirOf(handoff), { recursive: true, force: true });
      await endLeft(handoff);
      await rm(pidFileOf(handoff), { force: true });
    },

    async keepOnly(handoffs) {
      const kept = new Set(handoffs.flatMap(id => [dirOf(id), pidFileOf(id)]));
      for (const name of await readdir(root).catch(() => []))
        if (!kept.has(join(root, name))) await rm(join(root, name), { recursive: true, force: true });
    },
  };
}
