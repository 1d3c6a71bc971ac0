/** What QEMU tells of its own post-copy (docs/interop, `query-migrate`). Pure. */
import type { Run } from './one-move.ts';

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
    meanUs: requests > 0 ? Math.round((blockedMs * 1000) / requests) : -1,
    pageBytes: ram['normal-bytes'] ?? 0,
    wireBytes: ram.transferred ?? 0,
  };
}

/** As much of a run as QEMU tells: of waits the mean alone. */
export const runOf = (
  { requests, meanUs, pageBytes, wireBytes }: Asked,
  transferMs: number,
): Pick<
  Run,
  | 'dataBytes'
  | 'transferMs'
  | 'wireBytes'
  | 'bulkBytes'
  | 'urgentBytes'
  | 'faults'
  | 'faultMeanUs'
  | 'faultP50Us'
  | 'faultP99Us'
> => ({
  ...{ dataBytes: pageBytes, transferMs, wireBytes, faults: requests, faultMeanUs: meanUs },
  ...{ urgentBytes: requests * PAGE, bulkBytes: Math.max(0, pageBytes - requests * PAGE) },
  ...{ faultP50Us: -1, faultP99Us: -1 },
});
