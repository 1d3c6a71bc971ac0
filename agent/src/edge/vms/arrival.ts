/** The record of a VM that comes to this node by a handoff. Pure: times come in. */
import type { VmSpec } from '@shoal/protocol';
import { onArrival } from '../../core/vm/backoff.ts';
import { newRecord, type VmRecord } from './record.ts';

/** `backoff…`: as its former node reported it. */
export type Luggage = { pinned: boolean; backoffLevel: number; backoffMs: number };

export function arrivalRecord(
  vm: { spec: VmSpec; epoch: number },
  from: Luggage,
  /** When it last left this node, wall clock. */
  leftAtMs: number | undefined,
  here: { bootId: string; pinMs: number; cooldownMs: number },
  nowMs: number,
): VmRecord {
  const before = { level: from.backoffLevel, untilMs: nowMs + from.backoffMs };
  return {
    ...newRecord(vm.spec, vm.epoch, here.bootId),
    pinnedUntilMs: from.pinned ? nowMs + here.pinMs : 0,
    backoff: onArrival(before, leftAtMs, here.cooldownMs, nowMs),
  };
}
