/** What the target's side of a handoff needs of its node. */
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
  /** Pages that were faulted while devices loaded: the next move's device-load set. */
  recordDeviceLoad(machine: string, pages: number[]): void;
};
