/** What QEMU tells of its own post-copy (docs/interop, `query-migrate`). Pure. */
import type { Figures } from './figures-table.ts';
import type { Moments } from './guest-figures.ts';
import { NOT_MEASURED } from './statistics.ts';

const PAGE = 4096;

/** `meanUs`: -1 where nothing was asked for. Of one vCPU: its blocktime, which QEMU 7.2 counts in whole ms, which even out. */
export type Asked = { requests: number; meanUs: number; pageBytes: number; wireBytes: number };

export function asked(source: unknown, target: unknown): Asked {
  const { ram } = source as { ram: Record<string, number> };
  const blocked = (target as { 'postcopy-vcpu-blocktime'?: number[] })['postcopy-vcpu-blocktime'] ?? [];
  const requests = ram['postcopy-requests'] ?? 0;
  const blockedMs = blocked.reduce((sum, ms) => sum + ms, 0);
  return {
    requests,
    meanUs: requests > 0 ? Math.round((blockedMs * 1000) / requests) : NOT_MEASURED,
    pageBytes: ram['normal-bytes'] ?? 0,
    wireBytes: ram.transferred ?? 0,
  };
}

/** What the guest and the machine tell is not QEMU's to know. */
type Told = Exclude<
  keyof Figures,
  | 'guestGapMs'
  | 'guestWorkLost'
  | 'guestWorkLost10s'
  | 'guestPagesPerS'
  | 'guestPagesPerSAfter'
  | 'sourceCpuSPerGb'
  | 'neighbourLostSPerGb'
  | 'badPages'
>;

/** As much of a run as QEMU tells: of waits the mean alone, and it has no page servers. */
export function runOf(
  { requests, meanUs, pageBytes, wireBytes }: Asked,
  { decided, migrate, stopped, resumed, transferred }: Moments,
): Record<Told, number> {
  const ms = (from: number, to: number) => Number((to - from).toFixed(1));
  return {
    ...{ switchMs: ms(migrate, resumed), blackoutMs: ms(stopped, resumed) },
    ...{ transferMs: ms(resumed, transferred), bulkMs: ms(stopped, transferred) },
    ...{ totalMs: ms(decided, transferred), wireBytes, dataBytes: pageBytes },
    ...{ urgentBytes: requests * PAGE, bulkBytes: Math.max(0, pageBytes - requests * PAGE) },
    ...{ packedFromBytes: 0, packedBytes: 0, faults: requests, faultMeanUs: meanUs },
    ...{ faultP50Us: NOT_MEASURED, faultP99Us: NOT_MEASURED, faultMaxUs: NOT_MEASURED },
    cpuS: NOT_MEASURED,
  };
}
