/** Bytes a second from two readings of the counters. Pure. */
import type { IoBytes } from './io.ts';

export const KEYS = [
  'cpuMilli',
  'residentMib',
  'diskReadBps',
  'diskWriteBps',
  'netRxBps',
  'netTxBps',
] as const;
export type LoadKey = (typeof KEYS)[number];

/** A counter that fell (a device made anew) or that is unknown on either side gives 0, not a burst. */
export function rates(before: IoBytes, after: IoBytes, spanMs: number) {
  const rate = (key: keyof IoBytes) => {
    const bytes = after[key] - before[key];
    return bytes > 0 ? (bytes * 1000) / spanMs : 0;
  };
  return {
    diskReadBps: rate('diskRead'),
    diskWriteBps: rate('diskWrite'),
    netRxBps: rate('netRx'),
    netTxBps: rate('netTx'),
  };
}
