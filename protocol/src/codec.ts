/**
 * Bytes to checked messages and back. A message is a msgpack array `[number, fields]`. msgpackr decodes more than plain
 * data (extensions, cyclic pointers), so nothing of its output is used but by the field-by-field copy of `fields.ts`.
 */
import { Packr, Unpackr } from 'msgpackr';
import { Bad, type Decoded } from './errors.ts';
import type { Kind } from './fields.ts';
import { DEPTH_MAX, HANDOFF_BYTES_MAX, REPORT_BYTES_MAX } from './limits.ts';
import { type LoadReport, loadReport } from './messages/load-report.ts';
import { HANDOFF_MESSAGES, type HandoffMessage } from './registry.ts';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

export function encodeLoadReport(report: LoadReport): Uint8Array {
  checkRelations(report);
  return encode(loadReport.number, loadReport.kind as Kind<unknown>, report, REPORT_BYTES_MAX);
}

export function decodeLoadReport(bytes: Uint8Array): Decoded<LoadReport> {
  return attempt(() => {
    const [number, fields] = unwrap(bytes, REPORT_BYTES_MAX);
    if (number !== loadReport.number) throw new Bad('number', '', `has number ${number}, not a load report`);
    const report = loadReport.kind.read(fields, '');
    checkRelations(report);
    return report;
  });
}

export function encodeHandoff(message: HandoffMessage): Uint8Array {
  const found = HANDOFF_MESSAGES.find(m => m.name === message.type);
  if (!found) throw new Error(`assertion failed: ${message.type} is a handoff message`);
  return encode(found.number, found.kind as unknown as Kind<unknown>, message, HANDOFF_BYTES_MAX);
}

export function decodeHandoff(bytes: Uint8Array): Decoded<HandoffMessage> {
  return attempt(() => {
    const [number, fields] = unwrap(bytes, HANDOFF_BYTES_MAX);
    const found = HANDOFF_MESSAGES.find(m => m.number === number);
    if (!found) throw new Bad('number', '', `has number ${number}, which is no handoff message`);
    return { type: found.name, ...found.kind.read(fields, '') } as HandoffMessage;
  });
}

/** Our own bad message is a programmer error: it is read back before it leaves. */
function encode(number: number, kind: Kind<unknown>, value: unknown, bytesMax: number): Uint8Array {
  const fields = kind.write(value);
  kind.read(fields, '');
  const bytes = packr.pack([number, fields]);
  if (bytes.length > bytesMax) throw new Bad('size', '', `has ${bytes.length} bytes, more than ${bytesMax}`);
  // msgpackr answers a view of a buffer that it uses again.
  return new Uint8Array(bytes);
}

function unwrap(bytes: Uint8Array, bytesMax: number): [number, unknown] {
  if (bytes.length > bytesMax) throw new Bad('size', '', `has ${bytes.length} bytes, more than ${bytesMax}`);
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch {
    throw new Bad('encoding', '', 'is not msgpack');
  }
  if (tooDeep(value, DEPTH_MAX)) throw new Bad('depth', '', `is nested deeper than ${DEPTH_MAX}`);
  if (!Array.isArray(value) || value.length !== 2)
    throw new Bad('encoding', '', 'is no pair of number and fields');
  if (!Number.isInteger(value[0])) throw new Bad('number', '', 'has no number');
  return [value[0], value[1]];
}

/** Only arrays nest in our messages; anything else is refused by its kind without looking inside. */
function tooDeep(value: unknown, left: number): boolean {
  if (!Array.isArray(value)) return false;
  return left === 0 || value.some(entry => tooDeep(entry, left - 1));
}

function attempt<T>(work: () => T): Decoded<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof Bad) return { ok: false, fault: error.fault };
    throw error;
  }
}

/** What no single field can tell. */
function checkRelations(report: LoadReport): void {
  const ids = new Set(report.vms.map(v => v.vm));
  if (ids.size !== report.vms.length) throw new Bad('relation', 'vms', 'names a VM twice');
  const handoffs = new Set(report.handoffs.map(h => h.handoff));
  if (handoffs.size !== report.handoffs.length)
    throw new Bad('relation', 'handoffs', 'names a handoff twice');
  if (report.memoryFreeMib > report.memoryMib)
    throw new Bad('relation', 'memoryFreeMib', 'is more than there is');
}
