/**
 * Byte counters of disks and network, of a node and of one VM's process. Rates are made by the caller from
 * differences. Sources: proc(5) (`/proc/diskstats`, `/proc/net/dev`, `/proc/<pid>/io`), sysfs-class-net.
 */
import { readFileSync } from 'node:fs';

export type IoBytes = { diskRead: number; diskWrite: number; netRx: number; netTx: number };

const SECTOR_BYTES = 512; // the unit of /proc/diskstats, whatever the disk's own sector size is

/** The node as its own network namespace sees it; loopback traffic stays out. */
export function nodeIo(proc = '/proc'): IoBytes {
  const io: IoBytes = { diskRead: 0, diskWrite: 0, netRx: 0, netTx: 0 };
  for (const line of lines(`${proc}/diskstats`)) {
    const f = line.trim().split(/\s+/);
    // Whole disks only, or a partition's bytes would count twice; virtual ones repeat what the disk below does.
    if (!/^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/.test(f[2] ?? '')) continue;
    io.diskRead += Number(f[5]) * SECTOR_BYTES;
    io.diskWrite += Number(f[9]) * SECTOR_BYTES;
  }
  for (const line of lines(`${proc}/net/dev`)) {
    const [name, rest] = line.split(':');
    if (!rest || name?.trim() === 'lo') continue;
    const f = rest.trim().split(/\s+/);
    io.netRx += Number(f[0]);
    io.netTx += Number(f[8]);
  }
  return io;
}

/** One VMM: its block I/O by the kernel's count, its network by the tap devices (seen from the guest: rx = to it). */
export function vmIo(pid: number, taps: readonly string[]): IoBytes {
  const text = lines(`/proc/${pid}/io`).join('\n');
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const tap = (name: string, counter: string) =>
    Number(lines(`/sys/class/net/${name}/statistics/${counter}`)[0] ?? 0);
  return {
    diskRead: field('read_bytes'),
    diskWrite: field('write_bytes'),
    netRx: taps.reduce((sum, t) => sum + tap(t, 'tx_bytes'), 0),
    netTx: taps.reduce((sum, t) => sum + tap(t, 'rx_bytes'), 0),
  };
}

/** A counter that is not there (a process that ended, no permission) counts as nothing, never as a fault. */
function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
