/** What a handoff costs, out of the figures of its page server: as `/v1/handoffs` shows it, and the record keeps it. Pure. */
import type { HandoffFigures, HandoffStatus } from '../http/api.types.ts';
import type { Blocked, PageStats } from '../pages/types.ts';

/** Each record has these rows: a guest has a few vCPUs, a VMM some threads more; those that stood longest are by name. */
const THREADS_SHOWN = 16;
const OTHERS = 'others';
const OTHER_VCPUS = 'other vCPUs';
/** QEMU's names for the threads of its vCPUs: `CPU 0/KVM`, `CPU 1/TCG`. */
const VCPU = /^CPU \d+\//;

/** Of a row of `blocked`: whether it is a vCPU, or the rest of them. */
export const isVcpu = ({ thread }: Pick<Blocked, 'thread'>): boolean =>
  VCPU.test(thread) || thread === OTHER_VCPUS;

/** Nothing is known: of an observer, and of a side before its page server runs. */
export const NO_FIGURES: HandoffFigures = {
  wireBytes: -1,
  bytes: { urgent: -1, bulk: -1, state: -1, control: -1 },
  packedFromBytes: -1,
  packedBytes: -1,
  packedExtents: -1,
  releasedBytes: -1,
  dataBytes: -1,
  streamBytes: -1,
  dataPages: -1,
  residualPages: -1,
  residualBytes: -1,
  bytesPerSecond: -1,
  windowBytes: -1,
  secondsLeft: -1,
  reconnects: -1,
  linkLostMs: -1,
  silentMs: -1,
  faults: { count: -1, sumUs: -1, p50Us: -1, p99Us: -1, maxUs: -1, buckets: [] },
  blocked: [],
  pagesCpuMs: -1,
};

export type Seen = {
  role: 'source' | 'target';
  stats: PageStats | undefined;
  /** Bytes a second, of late. */
  steady: number;
  pageBytes: number;
  /** For how long the link is lost, -1 while it is not. */
  linkLostMs: number;
  /** Since a page came or went. */
  silentMs: number;
  ended: boolean;
};

/** Faults wait on the target alone; the window, and memory given back, are the source's: the other side says -1. */
export function figures({
  role,
  stats,
  steady,
  pageBytes,
  linkLostMs,
  silentMs,
  ended,
}: Seen): HandoffFigures {
  if (!stats) return { ...NO_FIGURES, linkLostMs };
  const { wireBytes, urgentBytes, bulkBytes, streamBytes, dataBytes, dataPages } = stats;
  const residualPages = Math.max(0, dataPages - stats.pagesDone);
  const residualBytes = residualPages * pageBytes;
  const bytesPerSecond = ended ? 0 : stats.bytesPerSecond;
  const isTarget = role === 'target';
  return {
    wireBytes,
    bytes: {
      urgent: urgentBytes,
      bulk: bulkBytes,
      state: streamBytes,
      control: Math.max(0, wireBytes - urgentBytes - bulkBytes - streamBytes),
    },
    packedFromBytes: stats.packedFromBytes,
    packedBytes: stats.packedBytes,
    packedExtents: stats.packedExtents,
    releasedBytes: isTarget ? -1 : stats.releasedBytes,
    dataBytes,
    streamBytes,
    dataPages,
    residualPages,
    residualBytes,
    bytesPerSecond,
    windowBytes: isTarget ? -1 : stats.bulkWindowBytes,
    secondsLeft: secondsLeft(residualBytes, bytesPerSecond > 0 ? steady : 0),
    reconnects: stats.reconnects,
    linkLostMs: ended ? -1 : linkLostMs,
    silentMs: ended || residualPages === 0 ? -1 : silentMs,
    faults: isTarget ? { ...stats.faults, buckets: [...stats.faults.buckets] } : NO_FIGURES.faults,
    blocked: isTarget ? longest(stats.blocked) : [],
    pagesCpuMs: stats.cpuMs,
  };
}

/** To a tenth; -1 while nothing comes. */
function secondsLeft(residualBytes: number, bytesPerSecond: number): number {
  if (residualBytes === 0) return 0;
  return bytesPerSecond > 0 ? Math.round((residualBytes * 10) / bytesPerSecond) / 10 : -1;
}

/** Those that stood longest first; what more there are is one row, or two: vCPUs stay apart. */
function longest(blocked: readonly Blocked[]): Blocked[] {
  const sorted = [...blocked].sort((a, b) => b.us - a.us);
  const shown = sorted.slice(0, THREADS_SHOWN);
  const rest = sorted.slice(THREADS_SHOWN);
  return [
    ...shown,
    ...summed(OTHER_VCPUS, rest.filter(isVcpu)),
    ...summed(
      OTHERS,
      rest.filter(row => !isVcpu(row)),
    ),
  ];
}

function summed(thread: string, rows: readonly Blocked[]): Blocked[] {
  if (rows.length === 0) return [];
  const sum = (of: (row: Blocked) => number) => rows.reduce((total, row) => total + of(row), 0);
  return [{ thread, us: sum(row => row.us), faults: sum(row => row.faults) }];
}

/** A row that an earlier version wrote, with what it did not know. */
export const withFigures = <T extends Partial<HandoffFigures>>(row: T): T & HandoffFigures => ({
  ...NO_FIGURES,
  ...row,
  faults: { ...NO_FIGURES.faults, ...row.faults },
});

/** What people are told of where it stands: its record, but for the longest parts of it. */
export const phaseOf = ({
  stage,
  engine,
  at,
  outcome,
}: Pick<HandoffStatus, 'stage' | 'engine' | 'at' | 'outcome'>): string => {
  if (outcome === '' && at.transferred < 0 && (at.resumed >= 0 || at.run >= 0)) return 'transferring';
  const goesAhead = engine === 'warm' && at.listening >= 0 && at.migrate < 0;
  return outcome === '' && goesAhead ? 'warming' : stage;
};
