/**
 * A spec against this node's own allow-lists and what is really there: all faults at once. A peer's spec is judged the
 * same way: a stolen node can offer anything (authority.md, Trust in a member).
 */
import { access, constants, realpath, stat, statfs } from 'node:fs/promises';
import { sep } from 'node:path';
import type { DiskSpec, VmSpec } from '@shoal/protocol';

export type AllowLists = {
  drivers: string[];
  machines: string[];
  /** Directories that disk images must be in, symbolic links resolved. */
  diskRoots: string[];
  kernelRoots: string[];
  /** `host` or `host:port` of NBD servers; `unix` allows sockets under a disk root. */
  nbdHosts: string[];
  bridges: string[];
  ramDir: string;
  /** The preload and page server are there, and this node may make userfaultfds. */
  postcopy: boolean;
};

export async function judgeSpec(spec: VmSpec, allow: AllowLists): Promise<string[]> {
  const faults: string[] = [];
  const listed = (what: string, value: string, list: string[], key: string) => {
    if (!list.includes(value)) {
      faults.push(`${what} ${value} is not allowed on this node (${key}: ${list.join(', ') || 'none'})`);
    }
  };
  listed('driver', spec.driver, allow.drivers, 'vms.drivers');
  if (spec.driver === 'qemu') listed('machine', spec.machine, allow.machines, 'vms.machines');
  for (const nic of spec.nics) {
    listed('bridge', nic.bridge, allow.bridges, 'vms.bridges');
    if (!(await exists(`/sys/class/net/${nic.bridge}`))) faults.push(`bridge ${nic.bridge} does not exist`);
  }
  for (const disk of spec.disks) faults.push(...(await diskFaults(disk, allow)));
  for (const [what, path] of [
    ['kernel', spec.kernel],
    ['initrd', spec.initrd],
  ] as const) {
    if (path)
      faults.push(...(await fileFaults(what, path, allow.kernelRoots, 'vms.kernelRoots', constants.R_OK)));
  }
  if (spec.driver === 'qemu' && !spec.kernel && spec.disks.length === 0)
    faults.push('nothing to boot: no kernel, no disk');
  faults.push(
    ...duplicates(
      'disk',
      spec.disks.map(d => d.id),
    ),
    ...duplicates(
      'nic',
      spec.nics.map(n => n.id),
    ),
  );
  faults.push(...duplicates('channel', spec.channels));
  faults.push(...(await ramFaults(spec, allow)));
  return faults;
}

async function diskFaults(disk: DiskSpec, allow: AllowLists): Promise<string[]> {
  if (disk.kind === 'file') {
    const mode = disk.readOnly ? constants.R_OK : constants.R_OK | constants.W_OK;
    return fileFaults(`disk ${disk.id}:`, disk.source, allow.diskRoots, 'vms.diskRoots', mode);
  }
  let url: URL;
  try {
    url = new URL(disk.source);
  } catch {
    return [`disk ${disk.id}: ${disk.source} is no NBD address`];
  }
  if (url.protocol === 'nbd+unix:') {
    const socket = url.searchParams.get('socket') ?? '';
    return fileFaults(`disk ${disk.id}: socket`, socket, allow.diskRoots, 'vms.diskRoots', constants.R_OK);
  }
  if (url.protocol !== 'nbd:') return [`disk ${disk.id}: ${disk.source} is no NBD address`];
  if (allow.nbdHosts.includes(url.hostname) || allow.nbdHosts.includes(url.host)) return [];
  return [`disk ${disk.id}: NBD server ${url.host} is not allowed on this node (vms.nbdHosts)`];
}

/** There, readable, and under one of the roots after all symbolic links are resolved. */
async function fileFaults(
  what: string,
  path: string,
  roots: string[],
  key: string,
  mode: number,
): Promise<string[]> {
  if (!path.startsWith('/')) return [`${what} ${path} is no absolute path`];
  let real: string;
  try {
    real = await realpath(path);
    await access(real, mode);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return [`${what} ${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be opened (${code})`}`];
  }
  const rooted = await Promise.all(roots.map(root => realpath(root).catch(() => root)));
  if (rooted.some(root => real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)))
    return [];
  return [`${what} ${path} is outside the allowed directories (${key}: ${roots.join(', ') || 'none'})`];
}

function duplicates(what: string, ids: string[]): string[] {
  return [...new Set(ids.filter((id, i) => ids.indexOf(id) !== i))].map(id => `${what} ${id} is there twice`);
}

async function ramFaults(spec: VmSpec, allow: AllowLists): Promise<string[]> {
  const { bavail, bsize } = await statfs(allow.ramDir);
  const freeMib = Math.floor((bavail * bsize) / 2 ** 20);
  const faults: string[] = [];
  if (freeMib < spec.memoryMib) {
    faults.push(`${allow.ramDir} has ${freeMib} MiB free, the guest's RAM needs ${spec.memoryMib}`);
  }
  if (spec.migration === 'postcopy' && !allow.postcopy) {
    faults.push('post-copy does not work on this node (see `shoal doctor`): use migration: precopy');
  }
  return faults;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
