/** What the target's side of a handoff needs of its node. */
import type { VmSpec } from '@shoal/protocol';
import type { PageStats } from '../pages/types.ts';
import type { PartyDeps } from './party.ts';

export type TargetOptions = {
  /** A reservation ends this long after the last sign of life of its handoff, until `ready`. */
  reservationMs: number;
  address: string;
};
/** What a VM brings along of its time on other nodes. */
export type Luggage = { backoffLevel: number; backoffMs: number };
export type TargetDeps = PartyDeps & {
  /** Pinning and backoff of the VM as its source last reported them. */
  luggage(vm: string, source: string): Luggage;
  /** What was faulted while devices loaded and by the guest first: for the moves from here. */
  record(spec: VmSpec, stats: PageStats): void;
};
