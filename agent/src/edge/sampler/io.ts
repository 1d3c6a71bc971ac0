/**
 * Byte counters of disks and network, of a node and of one VM's process. Rates are made by the caller from
 * differences. Sources: proc(5) (`/proc/diskstats`, `/proc/net/dev`, `/proc/<pid>/io`), sysfs-class-net. A counter that
 * is not there (a process that ended, no permission) is NaN: unknown is not zero, or its return would look like a burst.
 */
import { readdirSync, readFileSync } from 'node:fs';

export type IoBytes = { diskRead: number; diskWrite: number; netRx: number; netTx: number };
export type NicBytes = ReadonlyMap<string, { rx: number; tx: number }>;

const SECTOR_BYTES = 512; // the unit of /proc/diskstats, whatever the disk's own sector size is

/** Every network device of this agent's network namespace; /sys may be that of another one. */
export function nicBytes(proc = '/proc'): NicBytes {
  const nics = new Map<string, { rx: number; tx: number }>();
  for (const line of lines(`${proc}/net/dev`)) {
    const [name, rest] = line.split(':');
    if (!name || !rest) continue;
    const f = rest.trim().split(/\s+/);
    nics.set(name.trim(), { rx: Number(f[0]), tx: Number(f[8]) });
  }
  return nics;
}

/** The node's disks, and its network as the wire sees it: what crosses bridges and taps is counted where it leaves. */
export function nodeIo(nics: NicBytes = nicBytes(), proc = '/proc', sysNet = '/sys/class/net'): IoBytes {
  const io: IoBytes = { diskRead: 0, diskWrite: 0, netRx: 0, netTx: 0 };
  for (const line of lines(`${proc}/diskstats`)) {
    const f = line.trim().split(/\s+/);
    // Whole disks only, or a partition's bytes would count twice; virtual ones repeat what the disk below does.
    if (!/^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/.test(f[2] ?? '')) continue;
    io.diskRead += Number(f[5]) * SECTOR_BYTES;
    io.diskWrite += Number(f[9]) * SECTOR_BYTES;
  }
  for (const [name, { rx, tx }] of nics) {
    if (name === 'lo' || isStacked(`${sysNet}/${name}`)) continue;
    io.netRx += rx;
    io.netTx += tx;
  }
  return io;
}

/** A bridge, bond or VLAN over other devices, or a tap: its bytes pass a device below as well. */
function isStacked(device: string): boolean {
  try {
    return readdirSync(device).some(f => f === 'bridge' || f === 'tun_flags' || f.startsWith('lower_'));
  } catch {
    return false;
  }
}

/** One VMM: its block I/O by the kernel's count, its network by the tap devices (seen from the guest: rx = to it). */
export function vmIo(pid: number, taps: readonly string[], nics: NicBytes, proc = '/proc'): IoBytes {
  const text = lines(`${proc}/${pid}/io`).join('\n');
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  const sum = (way: 'rx' | 'tx') => taps.reduce((total, t) => total + (nics.get(t)?.[way] ?? Number.NaN), 0);
  return {
    diskRead: field('read_bytes'),
    diskWrite: field('write_bytes'),
    netRx: sum('tx'),
    netTx: sum('rx'),
  };
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
