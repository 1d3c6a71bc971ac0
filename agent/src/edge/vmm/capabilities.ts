/** Which capabilities of QEMU's migration each engine stands on (handoff.md). Pure. */
import { type Engine, movesPages, type VmSpec } from '@shoal/protocol';

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
