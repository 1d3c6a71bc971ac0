/**
 * Bytes to checked messages and back. A message is a msgpack array `[number, fields]`. The bytes are walked before they
 * are decoded (`scan.ts`), and nothing of the decoder's output is used but by the field-by-field copy of `fields.ts`.
 */
import { Packr, Unpackr } from 'msgpackr';
import { Bad, type Decoded } from './errors.ts';
import { HANDOFF_BYTES_MAX, REPORT_BYTES_MAX } from './limits.ts';
import type { MessageType } from './message.ts';
import { type LoadReport, loadReport } from './messages/load-report.ts';
import { HANDOFF_MESSAGES, type HandoffMessage } from './registry.ts';
import { scan } from './scan.ts';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

const HANDOFF_TYPES: readonly MessageType<HandoffMessage>[] =
  HANDOFF_MESSAGES as readonly unknown[] as readonly MessageType<HandoffMessage>[];

/** At most `REPORT_BYTES_MAX` bytes. Throws `Bad` for a report that no peer would take: a programmer's error. */
export function encodeLoadReport(report: LoadReport): Uint8Array {
  return encode(loadReport, report, REPORT_BYTES_MAX);
}

/** A checked copy, or what is wrong with the bytes and where. Never throws. */
export function decodeLoadReport(bytes: Uint8Array): Decoded<LoadReport> {
  return attempt(() => {
    const { number, fields } = unwrap(bytes, REPORT_BYTES_MAX);
    if (number !== loadReport.number)
      throw new Bad('number', '', `has number ${number}, which is no load report`);
    return read(loadReport, fields);
  });
}

/** At most `HANDOFF_BYTES_MAX` bytes. Throws `Bad` for a message that no peer would take: a programmer's error. */
export function encodeHandoff(message: HandoffMessage): Uint8Array {
  const type = HANDOFF_TYPES.find(m => m.name === message.type);
  if (!type) throw new Bad('number', 'type', `is ${message.type}, which is no handoff message`);
  return encode(type, message, HANDOFF_BYTES_MAX);
}

/** A checked copy, or what is wrong with the bytes and where. Never throws. */
export function decodeHandoff(bytes: Uint8Array): Decoded<HandoffMessage> {
  return attempt(() => {
    const { number, fields } = unwrap(bytes, HANDOFF_BYTES_MAX);
    const type = HANDOFF_TYPES.find(m => m.number === number);
    if (!type) throw new Bad('number', '', `has number ${number}, which is no handoff message`);
    return { ...read(type, fields), type: type.name } as HandoffMessage;
  });
}

function read<T>(type: MessageType<T>, fields: unknown): T {
  const message = type.kind.read(fields, '');
  type.relations?.(message);
  return message;
}

/** What is written is read back before it leaves: no peer shall be the first to find a fault of ours. */
function encode<T>(type: MessageType<T>, message: T, bytesMax: number): Uint8Array {
  const fields = type.kind.write(message);
  read(type, fields);
  const bytes = packr.pack([type.number, fields]);
  if (bytes.length > bytesMax) throw new Bad('size', '', `has ${bytes.length} bytes, more than ${bytesMax}`);
  // msgpackr answers a view of a buffer that it uses again.
  return new Uint8Array(bytes);
}

function unwrap(bytes: Uint8Array, bytesMax: number): { number: number; fields: unknown } {
  if (bytes.length > bytesMax) throw new Bad('size', '', `has ${bytes.length} bytes, more than ${bytesMax}`);
  scan(bytes);
  const pair: unknown = unpackr.unpack(bytes);
  if (!Array.isArray(pair) || pair.length !== 2)
    throw new Bad('encoding', '', 'is no pair of a number and fields');
  if (!Number.isInteger(pair[0])) throw new Bad('number', '', 'has no number');
  return { number: pair[0], fields: pair[1] };
}

function attempt<T>(work: () => T): Decoded<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof Bad) return { ok: false, fault: error.fault };
    throw error;
  }
}
