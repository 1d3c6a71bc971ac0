/** Order of one node's reports: by incarnation (persisted before use), then by sequence within it (authority.md, Time). */
import type { LoadReport, ReportRef } from '@shoal/protocol';

export type { LoadReport, ReportRef };

/** True when `a` was made after `b` by the same node. */
export function isNewer(
  a: Pick<LoadReport, 'incarnation' | 'seq'>,
  b: Pick<LoadReport, 'incarnation' | 'seq'>,
): boolean {
  return a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.seq > b.seq);
}
