/** By which engine a VM moves when nobody says by which. Pure. */
import type { Engine, MoveReason, VmSpec } from '@shoal/protocol';

export type EngineWants = {
  /** Of this node, for moves in general. */
  engine: Engine;
  /** For those that no overload waits for, where the others go by `postcopy`. */
  packingEngine: 'warm' | 'postcopy';
};

/** No guest stands badly where these leave from: what counts is how little they disturb the one that moves. */
const UNHURRIED: readonly MoveReason[] = ['consolidate', 'drain'];

/** `postcopy`: whether post-copy works on this node. */
export function chooseEngine(
  { migration, driver }: Pick<VmSpec, 'migration' | 'driver'>,
  { engine, packingEngine }: EngineWants,
  reason: MoveReason,
  postcopy: boolean,
): Engine {
  if (migration === 'precopy' || !postcopy) return 'precopy';
  const wanted = migration === 'qemu-postcopy' ? migration : engine;
  if (wanted === 'postcopy' && UNHURRIED.includes(reason)) return packingEngine;
  // Only QEMU has a post-copy of its own.
  return wanted === 'qemu-postcopy' && driver !== 'qemu' ? 'postcopy' : wanted;
}
