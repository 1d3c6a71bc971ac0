/** The VMs of one node as processes and files: judge, start, adopt, clean up. */
import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Engine, movesPages, type VmSpec } from '@shoal/protocol';
import assert from '../../core/assert.ts';
import { ShoalError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { type AllowLists, judgeSpec } from './judge-spec.ts';
import { launch } from './launch.ts';
import { checkDiskNonces, clearDiskNonces, writeDiskNonces } from './nonces.ts';
import { vmPaths } from './paths.ts';
import { gone, isAlive, ownersOf, type ProcessId, processIn, processNaming, signal } from './processes.ts';
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

/** `log` is told of each VMM that is ended by force, and of each that was looked for in vain: a guest has nothing else of its end. */
export type VmHostDeps = { clock: Clock; log?: Logger };

export function createVmHost(options: VmHostOptions, deps: VmHostDeps): VmHost {
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
      await release(spec).catch(also =>
        deps.log?.error({ vm: spec.name, error: String(also) }, 'not released'),
      );
      throw error;
    }
  }

  /**
   * The process that this agent or an earlier one started for the spec, if it still lives. An agent that was killed
   * while it started one may have written down no more than that: then the VMM is known by the pid file on its command
   * line.
   */
  async function processOf(spec: VmSpec): Promise<ProcessId | undefined> {
    const { process, pidFile } = paths(spec);
    const id = await processIn(process).catch(error => {
      throw unknown(spec, error as Error);
    });
    if (id === 'torn') return processNaming(pidFile, ownersOf(options.runAs));
    return id && isAlive(id) ? id : undefined;
  }

  async function adopt(spec: VmSpec): Promise<Vmm | undefined> {
    const id = await processOf(spec);
    if (!id) {
      deps.log?.debug({ vm: spec.name }, 'no VMM of it lives here');
      return undefined;
    }
    // So that its next life need not look for it; where the disk is full, it has to.
    await writeFile(paths(spec).process, JSON.stringify(id), { mode: 0o600 }).catch(() => undefined);
    const untilMs = deps.clock.nowMs() + MONITOR_MS;
    while (isAlive(id) && deps.clock.nowMs() < untilMs) {
      const qmp = await Qmp.attach(paths(spec).qmp).catch(() => undefined);
      if (qmp) return new QmpVmm(spec, id, qmp, deps.clock);
      await sleep(50);
    }
    // Without a monitor nobody can stop, move or see it: a guest that cannot be managed must not run beside its next self.
    deps.log?.warn(
      { vm: spec.name, pid: id.pid, alive: isAlive(id) },
      'a VMM whose monitor answers nobody is ended',
    );
    signal(id, 'SIGKILL');
    return undefined;
  }

  async function release(spec: VmSpec): Promise<void> {
    const id = await processOf(spec);
    if (id) {
      deps.log?.info({ vm: spec.name, pid: id.pid }, 'VMM ended');
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

const unknown = ({ name }: VmSpec, error: Error): ShoalError =>
  new ShoalError(
    'SHOAL_VMM_UNKNOWN',
    `whether its VMM lives cannot be told: ${error.message}`,
    name,
    'Mend what it names, then start the agent again',
  );

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
