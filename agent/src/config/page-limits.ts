/** Bounds of what a move by the page server may be told: one rule for the configuration, HTTP and the command line. Pure. */

/** Of the cap of bulk: 8 Tbit/s. */
export const BYTES_PER_SECOND_MAX = 1_000_000_000_000;
/**
 * Of a cap that is one: 1 MB/s, 8 Mbit/s. Less than any network that VMs move over, and 1 GiB takes 18 minutes by it, for
 * which the VM depends on two nodes with no way back. What is below was meant in another unit: `100` as MiB/s,
 * as virsh(1) has it, `100000` as kB/s.
 */
export const BYTES_PER_SECOND_LEAST = 1_000_000;
/**
 * The same over HTTP, where the name of the field has the unit in it, and a program may mean a trickle: two pages of 4 KiB a
 * second. By less, one extent of bulk takes minutes.
 */
export const HTTP_BYTES_PER_SECOND_LEAST = 8192;
/** Memory travels in whole ones. A window of less than an extent (65536) is slow, and some links are measured with it. */
const PAGE_BYTES = 4096;
export const WINDOW_MAX_BYTES = 67_108_864;

export type LimitFault = { what: string; todo: string };

/** What is wrong with a cap of so many bytes a second; undefined = nothing. */
export function capFault(bytesPerSecond: number, least = BYTES_PER_SECOND_LEAST): LimitFault | undefined {
  if (bytesPerSecond === 0 || bytesPerSecond >= least) return undefined;
  return {
    what: `a cap of ${bytesPerSecond} bytes a second would keep the VM on two nodes for hours or months`,
    todo: `Give ${least} bytes a second or more (100 MiB/s is 104857600), or 0 for no cap`,
  };
}

/** What is wrong with a window of so many bytes; undefined = nothing. */
export function windowFault(bytes: number): LimitFault | undefined {
  if (bytes % PAGE_BYTES === 0) return undefined;
  return {
    what: `a fixed window of ${bytes} bytes is not whole pages`,
    todo: `Give 0, so that it adapts, or a multiple of ${PAGE_BYTES} bytes; less than 65536 is slow`,
  };
}
