/** The figures of page servers that followed one another over the same session, as of one. Pure. */
import { type Blocked, FAULT_BOUNDS_US, type FaultStats, type PageStats } from '../pages/types.ts';

const ADDED = [
  'wireBytes',
  'urgentBytes',
  'bulkBytes',
  'streamBytes',
  'packedFromBytes',
  'packedBytes',
  'packedExtents',
  'releasedBytes',
  'zeroFaults',
  'reconnects',
  'cpuMs',
] as const;

/** What went, and how long it was waited for, adds up; where it stands is the word of `now`. */
export function plus(before: PageStats | undefined, now: PageStats): PageStats {
  if (!before) return now;
  const sums = Object.fromEntries(ADDED.map(name => [name, before[name] + now[name]]));
  return {
    ...now,
    ...(sums as Pick<PageStats, (typeof ADDED)[number]>),
    faults: faultsPlus(before.faults, now.faults),
    blocked: blockedPlus(before.blocked, now.blocked),
  };
}

function faultsPlus(before: FaultStats, now: FaultStats): FaultStats {
  if (before.count === 0) return now;
  const buckets = now.buckets.map((count, i) => count + (before.buckets[i] ?? 0));
  const maxUs = Math.max(before.maxUs, now.maxUs);
  const quantile = (share: number) => Math.min(quantileUs(buckets, share), maxUs);
  return {
    count: before.count + now.count,
    sumUs: before.sumUs + now.sumUs,
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    maxUs,
    buckets,
  };
}

/** The bound of the bucket in which it lies: what is known after two have been added. */
function quantileUs(buckets: readonly number[], share: number): number {
  const wanted = buckets.reduce((sum, count) => sum + count, 0) * share;
  let seen = 0;
  const found = buckets.findIndex(count => {
    seen += count;
    return seen >= wanted;
  });
  return FAULT_BOUNDS_US[found] ?? Number.POSITIVE_INFINITY;
}

/** Threads of one name count as one: their numbers are not told. */
function blockedPlus(before: readonly Blocked[], now: readonly Blocked[]): Blocked[] {
  const sums = new Map<string, Blocked>();
  for (const { thread, us, faults } of [...before, ...now]) {
    const known = sums.get(thread);
    sums.set(thread, { thread, us: us + (known?.us ?? 0), faults: faults + (known?.faults ?? 0) });
  }
  return [...sums.values()];
}
