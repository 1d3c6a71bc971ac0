/** What a VM is made of: all that a node needs to run it. Each node checks it against its own allow-lists again. */
import { dict, flag, int, list, oneOf, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';
import type { Migration } from './load-report.ts';

/** A disk as the target must find it. Same bytes are proven by a nonce beside the image, or by the NBD export. */
export type DiskSpec = {
  id: string;
  kind: 'file' | 'nbd';
  /** Absolute path, or `nbd://host:port/export` / `nbd+unix:///export?socket=/path`. */
  source: string;
  format: 'raw' | 'qcow2';
  readOnly: boolean;
};

export type NicSpec = { id: string; bridge: string; mac: string };

export type VmSpec = {
  vm: string;
  name: string;
  driver: 'qemu' | 'micro';
  memoryMib: number;
  vcpus: number;
  machine: 'pc' | 'q35' | 'microvm';
  /** Empty strings = boot from the first disk. */
  kernel: string;
  initrd: string;
  cmdline: string;
  disks: DiskSpec[];
  nics: NicSpec[];
  /** Names of extra serial ports, each a unix socket in the VM's run directory. */
  channels: string[];
  labels: Record<string, string>;
  migration: Migration;
  crash: 'restart' | 'leave';
};

const id = text(31, /^[a-z][a-z0-9-]*$/, 'may have small letters, digits, dashes');

const disk = struct<DiskSpec>({
  id,
  kind: oneOf('file', 'nbd'),
  source: kind.path,
  format: oneOf('raw', 'qcow2'),
  readOnly: flag,
});
// A network device's name has 15 bytes in Linux (IFNAMSIZ).
const nic = struct<NicSpec>({ id, bridge: text(15, /^[A-Za-z0-9._-]+$/), mac: kind.mac });

export const vmSpec = struct<VmSpec>({
  vm: kind.uuid,
  name: kind.name,
  driver: oneOf('qemu', 'micro'),
  memoryMib: int(1, limit.MEMORY_MIB_MAX),
  vcpus: int(1, limit.CORES_MAX),
  machine: oneOf('pc', 'q35', 'microvm'),
  kernel: kind.path,
  initrd: kind.path,
  cmdline: text(limit.CMDLINE_BYTES_MAX),
  disks: list(disk, limit.DISKS_MAX),
  nics: list(nic, limit.NICS_MAX),
  channels: list(id, limit.CHANNELS_MAX),
  labels: dict(text(limit.NAME_BYTES_MAX), text(limit.NAME_BYTES_MAX), limit.LABELS_MAX),
  migration: kind.migration,
  crash: oneOf('restart', 'leave'),
});
