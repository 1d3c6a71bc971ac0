/** Guest memory: the file system of `memory.ramDir`, and huge pages under it. */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { release, totalmem } from 'node:os';
import { dirname, resolve, sep } from 'node:path';
import type { Config } from '../../config/config.ts';
import { atLeast, type Check, fail, ok, warn } from './check.ts';
import { read } from './machine.ts';

/** TMPFS_MAGIC (statfs(2)). */
const TMPFS = 0x01021994;
/** Less room than this holds no guest worth moving. */
const FREE_MIN_MIB = 256;

export type RamFacts = { dir: string; tmpfs: boolean; sizeMib: number; freeMib: number; machineMib: number };

export function ramDirCheck({ memory }: Pick<Config, 'memory'>): Check {
  const dir = existing(memory.ramDir);
  const { type, blocks, bavail, bsize } = statfsSync(dir);
  const mib = (count: number) => Math.floor((count * bsize) / 2 ** 20);
  const facts = { dir: memory.ramDir, tmpfs: type === TMPFS, sizeMib: mib(blocks), freeMib: mib(bavail) };
  return judgeRam({ ...facts, machineMib: Math.floor(totalmem() / 2 ** 20) }, memory.guestMemoryMib);
}

export function judgeRam({ dir, tmpfs, sizeMib, freeMib, machineMib }: RamFacts, wantedMib: number): Check {
  const name = 'guest memory';
  const found = `${dir}: ${freeMib} of ${sizeMib} MiB free`;
  if (!tmpfs)
    return fail(
      name,
      `${dir} is not on tmpfs`,
      `Mount one: mount -t tmpfs -o size=50%,mode=0711 tmpfs ${dir}`,
    );
  if (wantedMib > sizeMib)
    return fail(
      name,
      `${found}, but memory.guestMemoryMib is ${wantedMib}`,
      `Mount ${dir} with size=${wantedMib}m, or lower the key`,
    );
  if (freeMib < FREE_MIN_MIB)
    return warn(name, found, 'Remount it larger, or look for files that nobody uses');
  if (wantedMib === 0 && sizeMib >= machineMib)
    return warn(
      name,
      `${found}, as much as the machine has`,
      'Set memory.guestMemoryMib, or guests are promised memory that the host needs',
    );
  return ok(name, found);
}

/** Huge pages on tmpfs before 6.4 are filled in behind userfaultfd's back: a guest would read zeros. */
export type HugeFacts = {
  /** The selected word of `shmem_enabled`; empty = no such file. */
  setting: string;
  /** `huge=` of the mount that holds the guests' memory; `never` when it has none. */
  mount: string;
  kernel: string;
};

export function hugePagesCheck({ memory }: Pick<Config, 'memory'>): Check {
  const setting = /\[(\w+)\]/.exec(read('/sys/kernel/mm/transparent_hugepage/shmem_enabled'))?.[1] ?? '';
  const mount = hugeOption(existing(memory.ramDir), readFileSync('/proc/mounts', 'utf8'));
  return judgeHuge({ setting, mount, kernel: release() });
}

/** `shmem_enabled` rules kernel-internal mounts; `deny` and `force` rule all (admin-guide/mm/transhuge.rst). */
export function judgeHuge({ setting, mount, kernel }: HugeFacts): Check {
  const name = 'huge pages';
  const found = `shmem_enabled ${setting || 'unknown'}, mount huge=${mount}, kernel ${kernel}`;
  const inForce = setting === 'deny' ? 'never' : setting === 'force' ? 'always' : mount;
  if (atLeast(kernel, [6, 4]) || inForce === 'never') return ok(name, found);
  // The preload turns the advice off that QEMU gives, so `advise` harms only VMs that were started without it.
  if (inForce === 'advise') return warn(name, found, 'Mount memory.ramDir with huge=never');
  const todo =
    'Mount memory.ramDir with huge=never, and echo never > /sys/kernel/mm/transparent_hugepage/shmem_enabled';
  return fail(name, `${found}: post-copy would corrupt guests`, todo);
}

/** The `huge=` option of the mount that `dir` is on, by the text of /proc/mounts. */
export function hugeOption(dir: string, mounts: string): string {
  const within = (point: string) => dir === point || dir.startsWith(point === '/' ? '/' : point + sep);
  const lines = mounts.split('\n').map(line => line.split(' '));
  const [best] = lines
    .filter(([, point]) => point !== undefined && within(point))
    .sort((a, b) => b[1]!.length - a[1]!.length);
  return /(?:^|,)huge=(\w+)/.exec(best?.[3] ?? '')?.[1] ?? 'never';
}

/** The directory, or the nearest one above that is there. */
function existing(dir: string): string {
  let at = resolve(dir);
  while (!existsSync(at)) at = dirname(at);
  return at;
}
