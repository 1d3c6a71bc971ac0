/** The VMs of one node as processes and files: judge, start, adopt, clean up. */
import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Engine, movesPages, type VmSpec } from '@shoal/protocol';
import assert from '../../core/assert.ts';
import type { Clock } from '../clock.ts';
import { type AllowLists, judgeSpec } from './judge-spec.ts';
import { launch } from './launch.ts';
import { checkDiskNonces, clearDiskNonces, writeDiskNonces } from './nonces.ts';
import { vmPaths } from './paths.ts';
import { gone, isAlive, type ProcessId, processWith, signal } from './processes.ts';
import { type Accel, microArgs, qemuArgs } from './qemu-args.ts';
import { Qmp } from './qmp.ts';
import { ramBytes } from './ram.ts';
import { makeTaps, removeTaps } from './taps.ts';
import type { VmHost, Vmm, VmPaths } from './types.ts';
import { QmpVmm } from './vmm.ts';

export type VmHostOptions = {
  runDir: string;
  accel: Accel;
  qemu: string;
  /** The micro guest's binary; for tests of the mesh. */
  micro: string;
  /** `libshoal-uffd.so`; empty = none. */
  preload: string;
  runAs: { uid: number; gid: number } | undefined;
  cgroups: string[];
  allow: Omit<AllowLists, 'runAs'>;
};

/** A VMM makes its monitor's socket within milliseconds of its start; one that was started a moment ago has it soon. */
const MONITOR_MS = 5000;
/** The kernel needs a moment to let go of a killed process, more when it writes a core or waits for a disk. */
const KILL_MS = 10_000;

export function createVmHost(options: VmHostOptions, deps: { clock: Clock }): VmHost {
  const paths = (spec: VmSpec) => vmPaths(options.runDir, options.allow.ramDir, spec.vm);

  /** Directory and RAM file, owned by the user that the VMM runs as. The file is sparse and has its exact size. */
  async function prepare(spec: VmSpec): Promise<VmPaths> {
    const at = paths(spec);
    await mkdir(options.allow.ramDir, { recursive: true, mode: 0o711 });
    await mkdir(dirname(at.dir), { recursive: true, mode: 0o711 });
    await rm(at.dir, { recursive: true, force: true });
    await mkdir(at.dir, { mode: 0o700 });
    // A fresh inode each time: what an earlier run left in the file must never become this guest's memory.
    await rm(at.ram, { force: true });
    const ram = await open(at.ram, 'wx', 0o600);
    try {
      await ram.truncate(ramBytes(spec, options.accel));
    } finally {
      await ram.close();
    }
    await chmod(at.ram, 0o600);
    if (options.runAs) {
      for (const path of [at.dir, at.ram]) await chown(path, options.runAs.uid, options.runAs.gid);
    }
    await makeTaps(spec, options.runAs?.uid ?? process.getuid?.() ?? 0);
    return at;
  }

  async function startVmm(spec: VmSpec, incoming: boolean, uffdSocket: string | undefined): Promise<QmpVmm> {
    await release(spec);
    try {
      const at = await prepare(spec);
      const micro = spec.driver === 'micro';
      const { id, qmp } = await launch({
        name: spec.name,
        command: micro ? options.micro : options.qemu,
        args: micro ? microArgs(spec, at, incoming) : qemuArgs(spec, at, { accel: options.accel, incoming }),
        log: at.log,
        qmp: at.qmp,
        process: at.process,
        ram: at.ram,
        preload: options.preload,
        uffdSocket,
        runAs: options.runAs,
        cgroups: options.cgroups,
      });
      return new QmpVmm(spec, id, qmp, deps.clock);
    } catch (error) {
      await release(spec);
      throw error;
    }
  }

  /**
   * The process that this agent or an earlier one started for the spec, if it still lives. An agent that was killed
   * right after it started one has not written it down: then the VMM's own pid file says, and its command line proves.
   */
  async function processOf(spec: VmSpec): Promise<ProcessId | undefined> {
    const { process, pidFile, ram } = paths(spec);
    const id = await readFile(process, 'utf8')
      .then(text => JSON.parse(text) as ProcessId)
      .catch(() => undefined);
    if (id && isAlive(id)) return id;
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
    return pid > 0 ? processWith(pid, spec.driver === 'micro' ? ram : spec.vm) : undefined;
  }

  async function adopt(spec: VmSpec): Promise<Vmm | undefined> {
    const id = await processOf(spec);
    if (!id) return undefined;
    await writeFile(paths(spec).process, JSON.stringify(id), { mode: 0o600 });
    const untilMs = deps.clock.nowMs() + MONITOR_MS;
    while (isAlive(id) && deps.clock.nowMs() < untilMs) {
      const qmp = await Qmp.attach(paths(spec).qmp).catch(() => undefined);
      if (qmp) return new QmpVmm(spec, id, qmp, deps.clock);
      await sleep(50);
    }
    // Without a monitor nobody can stop, move or see it: a guest that cannot be managed must not run beside its next self.
    signal(id, 'SIGKILL');
    return undefined;
  }

  async function release(spec: VmSpec): Promise<void> {
    const id = await processOf(spec);
    if (id) {
      signal(id, 'SIGKILL');
      await gone(id, KILL_MS);
    }
    const at = paths(spec);
    // The log stays readable: the next start of the VM removes it.
    const files = [at.ram, at.process, at.qmp, at.pidFile, at.console, ...spec.channels.map(at.channel)];
    for (const file of files) await rm(file, { force: true });
    await removeTaps(spec);
  }

  return {
    paths,
    ramBytes: spec => ramBytes(spec, options.accel),
    judge: spec => judgeSpec(spec, { ...options.allow, runAs: options.runAs }),
    async start(spec) {
      const vmm = await startVmm(spec, false, undefined);
      await vmm.announceSelf();
      return vmm;
    },
    async startIncoming(spec, engine: Engine, uffdSocket) {
      assert(!movesPages(engine) || uffdSocket, 'post-copy needs a socket for the descriptor');
      return startVmm(spec, true, movesPages(engine) ? uffdSocket : undefined);
    },
    adopt,
    release,
    async clean(spec) {
      await release(spec);
      await rm(paths(spec).dir, { recursive: true, force: true });
    },
    writeDiskNonces,
    checkDiskNonces,
    clearDiskNonces,
  };
}

/** Whether this node can be a target of post-copy: both native parts are there and a userfaultfd can be made. */
export async function postcopyPossible(preload: string, pageServer: string): Promise<boolean> {
  const readable = (path: string, mode: number) =>
    access(path, mode).then(
      () => true,
      () => false,
    );
  const device = await readable('/dev/userfaultfd', constants.R_OK | constants.W_OK);
  const root = process.getuid?.() === 0;
  return (
    (device || root) &&
    (await readable(preload, constants.R_OK)) &&
    (await readable(pageServer, constants.X_OK))
  );
}
