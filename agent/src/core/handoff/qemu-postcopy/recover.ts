/** Where a restarted agent takes up a handoff by QEMU's own post-copy, from the newest record (see `../recover.ts`). */
import { recoverSource, recoverTarget } from '../recover.ts';
import type { QemuSourceEffect, QemuSourceState } from './source.ts';
import type { QemuTargetEffect, QemuTargetState } from './target.ts';

type Recovered<S, E> = { state: S; effects: E[] };

export function recoverQemuSource(
  record: string,
  rebooted: boolean,
): Recovered<QemuSourceState, QemuSourceEffect> {
  // Where the VMM stands says the rest: it is told to go on if it still waits for that, `run` is said if it serves.
  if (record === 'committed' && !rebooted)
    return { state: 'committed', effects: ['restart-pages', 'switch-over'] };
  return recoverSource(record, rebooted) as Recovered<QemuSourceState, QemuSourceEffect>;
}

export function recoverQemuTarget(
  record: string,
  rebooted: boolean,
): Recovered<QemuTargetState, QemuTargetEffect> {
  if (record === 'ready') return { state: 'ready', effects: ['restart-pages', 'look', 'send-ready'] };
  return recoverTarget(record, rebooted);
}
