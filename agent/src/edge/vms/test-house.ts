/** For tests alone: the VMs of one node with real QEMU, a real store and directories of their own. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../clock.ts';
import { type Database, openDatabase } from '../store/store.ts';
import { createVmHost } from '../vmm/host.ts';
import { parseVmSpec } from '../vmm/spec.ts';
import type { VmHost } from '../vmm/types.ts';
import { vmShelves } from './record.ts';
import { Vms } from './vms.ts';

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

export class House {
  /** With the sign that ends an option of QEMU's. */
  readonly dir = mkdtempSync(join(tmpdir(), 'shoal,vms-'));
  readonly runDir = join(this.dir, 'run');
  readonly ramDir = mkdtempSync('/dev/shm/shoal,vms-');
  readonly host: VmHost;
  /** VMs that a handoff has. */
  readonly moving = new Set<string>();
  #db: Database | undefined;

  constructor(qemu = 'qemu-system-x86_64') {
    const { dir, runDir, ramDir } = this;
    mkdirSync(runDir);
    const allow = {
      drivers: ['qemu'],
      machines: ['pc'],
      diskRoots: [dir],
      kernelRoots: [],
      nbdHosts: [],
      bridges: [],
      ramDir,
      postcopy: true,
    };
    const options = { runDir, accel: 'tcg', qemu, micro: '', preload: '', cgroups: [], allow } as const;
    this.host = createVmHost({ ...options, cgroups: [], runAs: undefined }, { clock });
  }

  /** A life of the agent; the one before ended without a word. */
  async vms(): Promise<Vms> {
    await this.#db?.close();
    this.#db = await openDatabase(this.dir);
    const options = { bootId: 'boot', cooldownMs: 0, pinMs: 0, powerdownMs: 300 };
    return new Vms(options, {
      host: this.host,
      shelves: vmShelves(this.#db),
      clock,
      log,
      inHandoff: vm => this.moving.has(vm),
      changed: quiet,
    });
  }

  /** An empty disk: the firmware finds nothing to boot and waits for ever, deaf to the power button. */
  spec(name: string, more: object = {}) {
    const path = join(this.dir, `${name}.img`);
    writeFileSync(path, '');
    truncateSync(path, 2 ** 20);
    const uuid = `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0')}`;
    return parseVmSpec({ name, memory: '16MiB', disks: [{ path }], ...more }, uuid);
  }

  /** Pids of QEMUs with that VM's UUID, by the process table; the command line of a zombie is empty. */
  pids(vm: string): number[] {
    const all = readdirSync('/proc').filter(name => /^\d+$/.test(name));
    return all.filter(pid => commandLine(pid).includes(`-uuid\0${vm}\0`)).map(Number);
  }

  /** What VMs left in the run directory and in guest memory. */
  files(): string[] {
    const below = (path: string) => readdirSync(path, { recursive: true }).map(String);
    return [...below(this.runDir), ...below(this.ramDir)].filter(path => path !== 'vms');
  }

  async end(vms: readonly Vms[]): Promise<void> {
    const all = vms.flatMap(v => v.list().map(owned => owned.record.spec));
    // Or an earlier life would take its guest's end for a crash, and start it again.
    for (const { vm } of all) this.moving.add(vm);
    for (const spec of all) await this.host.clean(spec);
    await this.#db?.close();
    rmSync(this.dir, { recursive: true });
    rmSync(this.ramDir, { recursive: true });
  }
}

export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await sleep(20);
  if (!holds()) throw new Error(`it never came: ${what}`);
}

/** proc(5): arguments, each with a zero byte behind it. Empty when the process is gone. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
