/** Order of one node's reports: by incarnation (persisted before use), then by sequence within it (authority.md, Time). */
import type { LoadReport, ReportRef } from '@shoal/protocol';

export type { LoadReport, ReportRef };

/** A point in the order of one node's reports. */
export type Mark = Pick<LoadReport, 'incarnation' | 'seq'>;

/** True when `a` was made after `b` by the same node. */
export function isNewer(a: Mark, b: Mark): boolean {
  return a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.seq > b.seq);
}

/** The newer of the two. */
export const newest = (a: Mark, b: Mark): Mark => (isNewer(a, b) ? a : b);
