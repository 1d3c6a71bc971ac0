/** Where a VM lives on its node. Short: unix socket paths have 108 bytes (unix(7)). */
import { join } from 'node:path';
import type { VmPaths } from './types.ts';

export function vmPaths(runDir: string, ramDir: string, vm: string): VmPaths {
  const dir = join(runDir, 'vms', vm);
  return {
    dir,
    process: `${dir}.pid`,
    qmp: join(dir, 'qmp.sock'),
    pidFile: join(dir, 'pid'),
    log: join(dir, 'log'),
    console: join(dir, 'console.sock'),
    channel: name => join(dir, `ch-${name}.sock`),
    ram: join(ramDir, `${vm}.ram`),
  };
}

/** A tap's name fits into IFNAMSIZ (15): by VM and card, so that it can be found again. */
export const tapName = (vm: string, index: number): string =>
  `shl${vm.replaceAll('-', '').slice(0, 8)}${index}`;
