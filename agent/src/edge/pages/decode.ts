/**
 * What a page server says, checked before it is believed: it runs as the user of the VMs, reads memory that a peer
 * sent, and its figures go into load reports and onto the disk. Unknown fields are passed over: it may be newer.
 */
import { BadLine } from '../json-lines.ts';
import type { PageServerEvent, PageStats } from './types.ts';

type Said = Record<string, unknown>;

/** A device-load set has some hundred pages; more than this is no set of a machine that there is. */
const DEVICE_LOAD_PAGES_MAX = 65_536;
const PORT_MAX = 65_535;

const COUNTS = [
  'wireBytes',
  'dataBytes',
  'streamBytes',
  'dataPages',
  'pagesDone',
  'zeroFaults',
  'reconnects',
  'cpuMs',
] as const;
const KNOWN: readonly PageServerEvent['event'][] = ['listening', 'peer', 'progress', 'complete'];
const FAULTS = ['count', 'p50Us', 'p99Us', 'maxUs'] as const;

/** Undefined for an event that is not known here; throws `BadLine` for a known one without its fields. */
export function decodeEvent(said: Said): PageServerEvent | undefined {
  const { event, stats, host, port, up, detail, code, message, fatal } = said;
  if (event === 'registered') return { event };
  if (event === 'error') return { event, code: text(code), message: text(message), fatal: fatal === true };
  if (event === 'peer' && typeof up === 'boolean') return { event, up, detail: text(detail) };
  if (event === 'listening' && typeof host === 'string' && isCount(port) && port <= PORT_MAX)
    return { event, host, port };
  if (event === 'progress' || event === 'complete') {
    const figures = decodeStats(stats);
    if (figures) return { event, stats: figures };
  }
  if (!KNOWN.includes(event as PageServerEvent['event'])) return undefined;
  throw new BadLine(`${event} without its fields`);
}

/** Undefined unless every figure is a count and the pages are page numbers. */
export function decodeStats(value: unknown): PageStats | undefined {
  const all = counts(value, COUNTS);
  const { faults, deviceLoadPages } = (value ?? {}) as { faults?: unknown; deviceLoadPages?: unknown };
  const ofFaults = counts(faults, FAULTS);
  if (!all || !ofFaults || !Array.isArray(deviceLoadPages)) return undefined;
  if (deviceLoadPages.length > DEVICE_LOAD_PAGES_MAX || !deviceLoadPages.every(isCount)) return undefined;
  return { ...all, faults: ofFaults, deviceLoadPages };
}

function counts<const K extends string>(value: unknown, names: readonly K[]): Record<K, number> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Said;
  if (!names.every(name => isCount(fields[name]))) return undefined;
  return Object.fromEntries(names.map(name => [name, fields[name]])) as Record<K, number>;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
