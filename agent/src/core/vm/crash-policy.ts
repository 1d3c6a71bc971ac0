/** What to do about a VM whose VMM ended by itself. Pure: times come in. */
import type { VmSpec } from '@shoal/protocol';

/** More crashes than this within the span and the VM is left as `crashed`: restarting it again would only hide it. */
export const CRASHES_MAX = 3;
export const CRASH_SPAN_MS = 600_000;
/** The first restart is at once; the second waits this long, each further one twice as long: storage may be late. */
export const RESTART_AFTER_MS = 5000;

export function afterCrash(
  policy: VmSpec['crash'],
  crashesAtMs: readonly number[],
  nowMs: number,
): { action: 'restart' | 'leave'; afterMs: number; crashesAtMs: number[] } {
  const recent = [...crashesAtMs.filter(at => nowMs - at < CRASH_SPAN_MS), nowMs];
  return {
    action: policy === 'restart' && recent.length <= CRASHES_MAX ? 'restart' : 'leave',
    afterMs: recent.length > 1 ? RESTART_AFTER_MS * 2 ** (recent.length - 2) : 0,
    crashesAtMs: recent,
  };
}
