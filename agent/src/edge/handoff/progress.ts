/** Watches a migration of QEMU and calls back whenever it has sent more (query-migrate, `ram.transferred`). */
import { type Clock, every } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';

const LOOK_EVERY_MS = 1000;

/** Returns the function that ends the watch. A VMM that does not answer makes no progress. */
export function watchProgress(vmm: Vmm, clock: Clock, moved: () => void): () => void {
  let last = 0;
  return every(clock, LOOK_EVERY_MS, async () => {
    const { raw } = await vmm.migrationStatus().catch(() => ({ raw: {} as Record<string, unknown> }));
    const sent = Number((raw.ram as { transferred?: number } | undefined)?.transferred ?? 0);
    if (sent > last) moved();
    last = Math.max(last, sent);
  });
}
