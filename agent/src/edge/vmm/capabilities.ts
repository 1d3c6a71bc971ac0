/** Which capabilities of QEMU's migration each engine stands on (handoff.md). Pure. */
import { type Engine, movesPages, type VmSpec } from '@shoal/protocol';

/**
 * QEMU caps a migration at 128 MiB/s by default; our pages do not go by its stream, and have a cap of their own. The largest
 * value that QEMU 7.2 takes (migration/options: SIZE_MAX).
 */
const UNLIMITED_BPS = Number.MAX_SAFE_INTEGER;
/**
 * Before QEMU's own post-copy is told to switch, next to nothing is sent: a guest so small that its pages were all over by
 * then would finish as pre-copy, by other rules. Post-copy itself has a limit of its own, none by default.
 */
const BEFORE_POSTCOPY_BPS = 10;

export type Capability = { capability: string; state: boolean };

/** All are set on both sides: what an earlier move left on is turned off again. */
export function capabilitiesFor(engine: Engine, driver: VmSpec['driver']): Capability[] {
  const on: Record<string, boolean> = {
    events: true,
    'return-path': true,
    'pause-before-switchover': true,
    'late-block-activate': true,
    'x-ignore-shared': movesPages(engine),
    // The micro guest does not know it. Turned off again for a QEMU that came by it.
    ...(driver === 'qemu' && { 'postcopy-ram': engine === 'qemu-postcopy' }),
  };
  return Object.entries(on).map(([capability, state]) => ({ capability, state }));
}

/**
 * What QEMU itself may send: pages where they go by its own stream, else device state alone. Said anew for every move, since
 * QEMU keeps what it was told for the one before (`migrate-set-parameters`; 0 as `max-postcopy-bandwidth` is no limit). Pure.
 */
export function bandwidthFor(engine: Engine, capBytesPerSecond: number): Record<string, number> {
  if (engine === 'qemu-postcopy')
    return { 'max-bandwidth': BEFORE_POSTCOPY_BPS, 'max-postcopy-bandwidth': capBytesPerSecond };
  const isCapped = engine === 'precopy' && capBytesPerSecond > 0;
  return { 'max-bandwidth': isCapped ? capBytesPerSecond : UNLIMITED_BPS };
}
