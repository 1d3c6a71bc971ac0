/** By which engine a VM moves when nobody says by which. Pure. */
import type { Engine, VmSpec } from '@shoal/protocol';

/** `preferred`: this node's; `postcopy`: whether post-copy works on this node. */
export function chooseEngine(
  { migration, driver }: Pick<VmSpec, 'migration' | 'driver'>,
  preferred: Engine,
  postcopy: boolean,
): Engine {
  if (migration === 'precopy' || !postcopy) return 'precopy';
  const wanted = migration === 'qemu-postcopy' ? migration : preferred;
  // Only QEMU has a post-copy of its own.
  return wanted === 'qemu-postcopy' && driver !== 'qemu' ? 'postcopy' : wanted;
}
