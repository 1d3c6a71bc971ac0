/** What processes of other users say to the agent over their sockets: VMMs and page servers. */
import { BadLine, JsonLines } from '@shoal/agent/edge/json-lines';
import { decodeEvent, decodeFrozen, decodeStats } from '@shoal/agent/edge/pages/decode';
import { FAULT_BOUNDS_US } from '@shoal/agent/edge/pages/types';
import type { Codec } from '../codec.ts';

const LINE_MAX = 4096;
const lines = (...values: object[]): Buffer =>
  Buffer.from(values.map(v => `${JSON.stringify(v)}\n`).join(''));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const refuses = (error: unknown): boolean => error instanceof BadLine && error.message.length > 0;

const monitor: Codec = {
  name: 'monitor-lines',
  weight: 4,
  form: 'json',
  seeds: [
    lines(
      { QMP: { version: {}, capabilities: [] } },
      { return: {}, id: 1 },
      { event: 'STOP', data: {}, timestamp: { seconds: 1, microseconds: 2 } },
    ),
    lines({ error: { class: 'GenericError', desc: 'no' }, id: 2 }),
  ],
  // As text: JSON reads 1e999 and -0, and writes them as something else.
  decode: bytes => new JsonLines(LINE_MAX).push(text(bytes)).map(line => JSON.stringify(line)),
  refuses,
  encode: value => Buffer.from((value as string[]).map(line => `${line}\n`).join('')),
};

const STATS = {
  wireBytes: 1,
  urgentBytes: 4096,
  bulkBytes: 8192,
  packedFromBytes: 8192,
  packedBytes: 4000,
  packedExtents: 1,
  releasedBytes: 2_097_152,
  bytesPerSecond: 110_000_000,
  bulkWindowBytes: 131_072,
  samples: 3,
  dataBytes: 2,
  streamBytes: 3,
  dataPages: 4,
  pagesDone: 5,
  zeroFaults: 6,
  reconnects: 0,
  cpuMs: 7,
  faults: {
    ...{ count: 1, sumUs: 2, p50Us: 2, p99Us: 3, maxUs: 4 },
    boundsUs: FAULT_BOUNDS_US,
    buckets: [1, ...FAULT_BOUNDS_US.map(() => 0)],
  },
  blocked: [
    { thread: 'CPU 0/KVM', us: 310_000, faults: 640 },
    { thread: '4711', us: 2, faults: 1 },
  ],
  deviceLoadPages: [0, 5, 9],
  faultedBlocks: [7, 0],
};

/** A page server tells its bounds each time; what is taken has those of this version. */
const withBounds = (event: { stats?: { faults: object } }): object =>
  event.stats
    ? { ...event, stats: { ...event.stats, faults: { ...event.stats.faults, boundsUs: FAULT_BOUNDS_US } } }
    : event;

const pageServer: Codec = {
  name: 'page-server-events',
  weight: 4,
  form: 'json',
  seeds: [
    lines({ event: 'watch', on: false, detail: 'the kernel has no PAGEMAP_SCAN' }),
    lines({ event: 'listening', host: '198.18.0.1', port: 4711 }),
    lines({ event: 'peer', up: true, detail: '' }),
    lines({ event: 'progress', stats: STATS }),
    lines({ event: 'complete', stats: STATS }),
    lines({ event: 'error', code: 'link', message: 'lost', fatal: false }),
  ],
  decode: bytes =>
    new JsonLines(LINE_MAX)
      .push(text(bytes))
      .map(decodeEvent)
      .filter(event => event !== undefined),
  refuses,
  encode: value => lines(...(value as object[]).map(withBounds)),
};

const figures: Codec = {
  name: 'page-server-answers',
  weight: 2,
  form: 'json',
  seeds: [lines({ id: 3, ok: true, stats: STATS })],
  decode: bytes => new JsonLines(LINE_MAX).push(text(bytes)).map(answer => decodeStats(answer.stats)),
  refuses,
};

const frozen: Codec = {
  name: 'page-server-frozen',
  weight: 1,
  form: 'json',
  seeds: [lines({ id: 2, ok: true, dataBytes: 4096, extents: 1, hotBlocks: 2, writtenPages: 40 })],
  decode: bytes => new JsonLines(LINE_MAX).push(text(bytes)).map(decodeFrozen),
  refuses,
};

export const PROCESS_CODECS: readonly Codec[] = [monitor, pageServer, figures, frozen];
