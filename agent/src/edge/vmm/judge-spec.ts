/**
 * A spec against this node's own allow-lists and what is really there: all faults at once. A peer's spec is judged the
 * same way: a stolen node can offer anything (authority.md, Trust in a member).
 */
import { realpath, stat, statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { sep } from 'node:path';
import type { DiskSpec, VmSpec } from '@shoal/protocol';
import { openFault, type User } from './may-open.ts';
import { nbdAddress, nbdAllowed } from './nbd.ts';
import { qcow2Fault } from './qcow2.ts';
import { bridgeFault, TUN } from './taps.ts';

export type AllowLists = {
  drivers: string[];
  machines: string[];
  /** Directories that disk images must be in, symbolic links resolved. */
  diskRoots: string[];
  kernelRoots: string[];
  /** `host` or `host:port` of NBD servers; `unix`: sockets under a disk root. */
  nbdHosts: string[];
  bridges: string[];
  ramDir: string;
  /** The preload and page server are there, and this node may make userfaultfds. */
  postcopy: boolean;
  /** Whom VMs run as; undefined = as the agent. */
  runAs: User | undefined;
};

/** The ISA serial ports that a machine has: the console takes the first, each channel one more. */
const SERIAL_PORTS: Record<string, number> = { pc: 4, q35: 4, microvm: 1 };

export async function judgeSpec(spec: VmSpec, allow: AllowLists): Promise<string[]> {
  const faults: string[] = [];
  const listed = (what: string, value: string, allowed: string[], key: string) => {
    if (!allowed.includes(value)) {
      faults.push(`${what} ${value} is not allowed on this node (${key}: ${list(allowed)})`);
    }
  };
  listed('driver', spec.driver, allow.drivers, 'vms.drivers');
  if (spec.driver === 'qemu') listed('machine', spec.machine, allow.machines, 'vms.machines');
  for (const nic of spec.nics) {
    listed('bridge', nic.bridge, allow.bridges, 'vms.bridges');
    const fault = await bridgeFault(nic.bridge);
    if (fault) faults.push(`bridge ${nic.bridge} ${fault}`);
  }
  if (spec.nics.length > 0 && allow.runAs) {
    const fault = await openFault(TUN, 'rw', allow.runAs);
    if (fault) faults.push(`network cards: ${TUN} ${fault}`);
  }
  for (const disk of spec.disks) faults.push(...(await diskFaults(disk, allow)));
  for (const [what, path] of [
    ['kernel', spec.kernel],
    ['initrd', spec.initrd],
  ] as const) {
    if (path) faults.push(...(await fileFaults(what, path, allow, 'kernelRoots', 'r')));
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
  faults.push(
    ...duplicates('channel', spec.channels),
    ...duplicates(
      'mac',
      spec.nics.map(n => n.mac),
    ),
  );
  faults.push(...machineFaults(spec));
  faults.push(...(await ramFaults(spec, allow)));
  return faults;
}

function machineFaults({ driver, machine, channels, vcpus }: VmSpec): string[] {
  const faults: string[] = [];
  const ports = SERIAL_PORTS[machine] ?? 0;
  if (driver === 'qemu' && channels.length + 1 > ports)
    faults.push(
      `${channels.length} channel(s) and the console: machine ${machine} has ${ports} serial port(s)`,
    );
  const cores = cpus().length;
  if (vcpus > cores) faults.push(`${vcpus} vCPUs are more than the ${cores} cores of this node`);
  return faults;
}

async function diskFaults(disk: DiskSpec, allow: AllowLists): Promise<string[]> {
  const what = `disk ${disk.id}:`;
  if (disk.kind === 'file') {
    const wanted = disk.readOnly ? 'r' : 'rw';
    const faults = await fileFaults(what, disk.source, allow, 'diskRoots', wanted);
    if (faults.length > 0 || disk.format === 'raw') return faults;
    const fault = await qcow2Fault(disk.source);
    return fault ? [`${what} ${disk.source} ${fault}`] : [];
  }
  const address = nbdAddress(disk.source);
  if (!address) {
    return [
      `${what} ${disk.source} is no NBD address (nbd://host:port/export, nbd+unix:///export?socket=/path)`,
    ];
  }
  if (!nbdAllowed(address, allow.nbdHosts)) {
    const where = address.kind === 'unix' ? 'over unix sockets' : `${address.host}:${address.port}`;
    return [`${what} NBD ${where} is not allowed on this node (vms.nbdHosts: ${list(allow.nbdHosts)})`];
  }
  return address.kind === 'unix'
    ? fileFaults(`${what} socket`, address.socket, allow, 'diskRoots', 'rw')
    : [];
}

const list = (entries: string[]): string => entries.join(', ') || 'none';

/** There, under one of the roots after all symbolic links are resolved, and open to whoever runs the VM. */
async function fileFaults(
  what: string,
  path: string,
  allow: AllowLists,
  roots: 'diskRoots' | 'kernelRoots',
  wanted: 'r' | 'rw',
): Promise<string[]> {
  if (!path.startsWith('/')) return [`${what} ${path} is no absolute path`];
  let real: string;
  try {
    real = await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [`${what} ${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be opened (${code})`}`];
  }
  const rooted = await Promise.all(allow[roots].map(root => realpath(root).catch(() => root)));
  const inside = rooted.some(root => real.startsWith(root.endsWith(sep) ? root : root + sep));
  if (!inside)
    return [`${what} ${path} is outside the allowed directories (vms.${roots}: ${list(allow[roots])})`];
  if ((await stat(real)).isDirectory()) return [`${what} ${path} is a directory`];
  const fault = await openFault(real, wanted, allow.runAs);
  return fault ? [`${what} ${path} ${fault}`] : [];
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
  if (['postcopy', 'qemu-postcopy'].includes(spec.migration) && !allow.postcopy) {
    faults.push('post-copy does not work on this node (see `shoal doctor`): use migration: precopy');
  }
  return faults;
}
