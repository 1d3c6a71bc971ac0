/** What a VMM knows of the migration that it takes part in, whatever its engine (`stream.ts`, `qemu-stream.ts`). */
import type { Death, SimVmm } from './vmm.ts';

export interface Migration {
  readonly over: boolean;
  /** `migrate-continue`. Throws what QEMU answers when it refuses. */
  continue(): void;
  /** `migrate_cancel`. */
  cancel(): void;
  /** The link, or a page server that carries it, is gone. */
  break(): void;
  vmmEnded(vmm: SimVmm, why: Death): void;
}
