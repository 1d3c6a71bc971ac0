/**
 * What a page server says, checked before it is believed: it runs as the user of the VMs, reads memory that a peer
 * sent, and its figures go into load reports and onto the disk. Unknown fields are passed over: it may be newer.
 */
import { BadLine } from '../json-lines.ts';
import {
  type Blocked,
  FAULT_BOUNDS_US,
  type FaultStats,
  type Frozen,
  type PageServerEvent,
  type PageStats,
} from './types.ts';

type Said = Record<string, unknown>;

/** A device-load set has some hundred pages; more than this is no set of a machine that there is. */
const DEVICE_LOAD_PAGES_MAX = 65_536;
/** As many as a page server tells, and takes (`plan.rs`). */
const FAULTED_BLOCKS_MAX = 256;
const PORT_MAX = 65_535;
/** As many as a page server counts (`stats.rs`), and a little more than the kernel's longest name of a thread. */
const THREADS_MAX = 512;
const THREAD_NAME_MAX = 64;

const COUNTS = [
  'wireBytes',
  'urgentBytes',
  'bulkBytes',
  'packedFromBytes',
  'packedBytes',
  'packedExtents',
  'releasedBytes',
  'bytesPerSecond',
  'bulkWindowBytes',
  'samples',
  'dataBytes',
  'streamBytes',
  'dataPages',
  'pagesDone',
  'zeroFaults',
  'reconnects',
  'cpuMs',
] as const;
const FAULTS = ['count', 'sumUs', 'p50Us', 'p99Us', 'maxUs'] as const;
const BLOCKED = ['us', 'faults'] as const;
const FROZEN = ['dataBytes', 'extents', 'hotBlocks', 'writtenPages'] as const;
const WARMED = ['passes', 'duePages', 'aheadBytes'] as const;
const KNOWN: readonly PageServerEvent['event'][] = [
  'listening',
  'peer',
  'watch',
  'warmed',
  'progress',
  'complete',
];

/** Undefined for an event that is not known here; throws `BadLine` for a known one with a field missing or wrong. */
export function decodeEvent(said: Said): PageServerEvent | undefined {
  const { event, stats, host, port, up, on, detail, code, message, fatal } = said;
  if (event === 'registered') return { event };
  if (event === 'error') return { event, code: text(code), message: text(message), fatal: fatal === true };
  if (event === 'peer' && typeof up === 'boolean') return { event, up, detail: text(detail) };
  if (event === 'watch' && typeof on === 'boolean') return { event, on, detail: text(detail) };
  if (event === 'listening' && typeof host === 'string' && isCount(port) && port <= PORT_MAX)
    return { event, host, port };
  if (event === 'warmed') return { event, ...counts(said, WARMED, 'warmed') };
  if (event === 'progress' || event === 'complete') return { event, stats: decodeStats(stats) };
  if (!KNOWN.includes(event as PageServerEvent['event'])) return undefined;
  throw new BadLine(`${event} without its fields`);
}

/** Throws `BadLine` with the name of the first figure that is none. */
export function decodeStats(value: unknown): PageStats {
  const all = counts(value, COUNTS, 'stats');
  const { faults, blocked, deviceLoadPages, faultedBlocks } = value as Said;
  return {
    ...all,
    faults: faultsOf(faults),
    blocked: blockedOf(blocked),
    deviceLoadPages: numbers(deviceLoadPages, DEVICE_LOAD_PAGES_MAX, 'stats.deviceLoadPages', 'page numbers'),
    faultedBlocks: numbers(faultedBlocks, FAULTED_BLOCKS_MAX, 'stats.faultedBlocks', 'block numbers'),
  };
}

function numbers(value: unknown, atMost: number, where: string, what: string): number[] {
  const isList = Array.isArray(value) && value.length <= atMost;
  if (!isList || !value.every(isCount)) throw wrong(where, what);
  return value;
}

/** What `freeze` answers. Throws `BadLine`. */
export const decodeFrozen = (value: unknown): Frozen => counts(value, FROZEN, 'freeze');

/** In buckets of the bounds that the metrics have, all of which add up. */
function faultsOf(value: unknown): FaultStats {
  const all = counts(value, FAULTS, 'stats.faults');
  const { boundsUs, buckets } = value as Said;
  const bounds = Array.isArray(boundsUs) ? boundsUs : [];
  if (bounds.length !== FAULT_BOUNDS_US.length || FAULT_BOUNDS_US.some((us, i) => us !== bounds[i]))
    throw wrong('stats.faults.boundsUs', 'the bounds of this version');
  const isFull = Array.isArray(buckets) && buckets.length === FAULT_BOUNDS_US.length + 1;
  if (!isFull || !buckets.every(isCount) || buckets.reduce((sum, n) => sum + n, 0) !== all.count)
    throw wrong('stats.faults.buckets', `${FAULT_BOUNDS_US.length + 1} counts that add up`);
  return { ...all, buckets };
}

function blockedOf(value: unknown): Blocked[] {
  if (!Array.isArray(value) || value.length > THREADS_MAX) throw wrong('stats.blocked', 'a list of threads');
  return value.map(row => {
    const all = counts(row, BLOCKED, 'stats.blocked');
    const { thread } = row as Said;
    if (typeof thread !== 'string' || thread.length > THREAD_NAME_MAX)
      throw wrong('stats.blocked.thread', 'a name');
    return { thread, ...all };
  });
}

function counts<const K extends string>(
  value: unknown,
  names: readonly K[],
  where: string,
): Record<K, number> {
  if (typeof value !== 'object' || value === null) throw wrong(where, 'an object');
  const fields = value as Said;
  const none = names.find(name => !isCount(fields[name]));
  if (none !== undefined) throw wrong(`${where}.${none}`, 'a count');
  return Object.fromEntries(names.map(name => [name, fields[name]])) as Record<K, number>;
}

const wrong = (field: string, what: string): BadLine => new BadLine(`${field} is not ${what}`);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
