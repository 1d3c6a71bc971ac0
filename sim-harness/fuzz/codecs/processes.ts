/** What processes of other users say to the agent over their sockets: VMMs and page servers. */
import { BadLine, JsonLines } from '@shoal/agent/edge/json-lines';
import { decodeEvent, decodeStats } from '@shoal/agent/edge/pages/decode';
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
  dataBytes: 2,
  streamBytes: 3,
  dataPages: 4,
  pagesDone: 5,
  zeroFaults: 6,
  reconnects: 0,
  cpuMs: 7,
  faults: { count: 1, p50Us: 2, p99Us: 3, maxUs: 4 },
  deviceLoadPages: [0, 5, 9],
};

const pageServer: Codec = {
  name: 'page-server-events',
  weight: 4,
  form: 'json',
  seeds: [
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
  encode: value => lines(...(value as object[])),
};

const figures: Codec = {
  name: 'page-server-answers',
  weight: 2,
  form: 'json',
  seeds: [lines({ id: 3, ok: true, stats: STATS })],
  decode: bytes => new JsonLines(LINE_MAX).push(text(bytes)).map(answer => decodeStats(answer.stats)),
  refuses,
};

export const PROCESS_CODECS: readonly Codec[] = [monitor, pageServer, figures];
