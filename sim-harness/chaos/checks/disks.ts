/** The disk of a VM that has let go of it, from outside: its file system is whole (e2fsck(8)). */
import { spawnSync } from 'node:child_process';
import { type Violation, violation } from './violation.ts';

/** -n: look, mend nothing. Exit code 0 = clean. */
export function brokenDisk(vm: string, image: string): Violation[] {
  const { status, stdout } = spawnSync('e2fsck', ['-f', '-n', image], { encoding: 'utf8' });
  if (status === 0) return [];
  const last = (stdout ?? '').trim().split('\n').slice(-4).join(' | ');
  return [violation('disks', `the file system of ${vm} (${image}) is not clean: ${last}`)];
}

/** Records that the guest had said were on its disk, and are not there any more. */
export function lostRecords(vm: string, said: number, found: number): Violation[] {
  return found >= said
    ? []
    : [violation('disks', `${vm} had ${said} records on its disk, ${found} are left`)];
}
