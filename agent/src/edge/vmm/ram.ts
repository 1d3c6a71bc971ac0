/** How large a guest's RAM file is. */
import type { VmSpec } from '@shoal/protocol';
import type { Accel } from './qemu-args.ts';

/**
 * QEMU before 9.0 under TCG loses writes while it pre-copies: when a RAM block is a whole number of 64 pages, its sync
 * of the dirty bitmap takes a fast path that does not reset the emulator's TLB, so that later writes through it are
 * never marked (fixed by commit 03bfc2188f06, March 2024). A block that is not
 * takes the slow, right path. QEMU wants memory in steps of 8 KiB, so that is what a guest under TCG has more.
 * Seen: 6 to 48 pages differed after moves of four and more rounds, none with these 8 KiB.
 */
const TCG_TAIL_BYTES = 8192;

/** Both nodes of a move must come to the same size: moves between KVM and TCG are none that QEMU knows. */
export function ramBytes({ driver, memoryMib }: Pick<VmSpec, 'driver' | 'memoryMib'>, accel: Accel): number {
  return memoryMib * 2 ** 20 + (driver === 'qemu' && accel === 'tcg' ? TCG_TAIL_BYTES : 0);
}
