/**
 * Bytes to checked messages and back. A message is a msgpack array `[number, fields]`. The bytes are walked before they
 * are decoded (`scan.ts`), and nothing of the decoder's output is used but by the field-by-field copy of `fields.ts`.
 */
import { Packr, Unpackr } from 'msgpackr';
import { Bad, type Decoded } from './errors.ts';
import {
  ACTION_BYTES_MAX,
  HANDOFF_BYTES_MAX,
  POWER_BYTES_MAX,
  REGISTER_BYTES_MAX,
  REPORT_BYTES_MAX,
} from './limits.ts';
import type { MessageType } from './message.ts';
import { type LoadReport, loadReport } from './messages/load-report.ts';
import { register, type ToldRegister } from './messages/register.ts';
import {
  ACTION_MESSAGES,
  type ActionMessage,
  EXCHANGE_MESSAGES,
  type ExchangeMessage,
  HANDOFF_MESSAGES,
  type HandoffMessage,
  POWER_MESSAGES,
  type PowerMessage,
} from './registry.ts';
import { scan } from './scan.ts';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** One transport's messages: what they are called together, which they are, how large one may be. */
export type Codec<T> = {
  readonly what: string;
  readonly messages: readonly string[];
  readonly bytesMax: number;
  /** Throws `Bad` for a message that no peer would take: a programmer's error. */
  encode(message: T): Uint8Array;
  /** A checked copy, or what is wrong with the bytes and where. Never throws. */
  decode(bytes: Uint8Array): Decoded<T>;
};

/** A transport with one kind of message, which therefore need not say what it is. */
function single<T>(type: MessageType<T>, what: string, bytesMax: number): Codec<T> {
  return {
    what,
    messages: [type.name],
    bytesMax,
    encode: message => encode(type, message, bytesMax),
    decode: bytes =>
      attempt(() => {
        const { number, fields } = unwrap(bytes, bytesMax);
        if (number !== type.number) throw new Bad('number', '', `has number ${number}, which is no ${what}`);
        return read(type, fields);
      }),
  };
}

/** A transport with several, told apart by `type`. */
function several<T extends { type: string }>(
  types: readonly unknown[],
  what: string,
  bytesMax: number,
): Codec<T> {
  const known = types as readonly MessageType<T>[];
  return {
    what,
    messages: known.map(m => m.name),
    bytesMax,
    encode(message) {
      const type = known.find(m => m.name === message.type);
      if (!type) throw new Bad('number', 'type', `is ${message.type}, which is no ${what}`);
      return encode(type, message, bytesMax);
    },
    decode: bytes =>
      attempt(() => {
        const { number, fields } = unwrap(bytes, bytesMax);
        const type = known.find(m => m.number === number);
        if (!type) throw new Bad('number', '', `has number ${number}, which is no ${what}`);
        return { ...read(type, fields), type: type.name } as T;
      }),
  };
}

const reports = single<LoadReport>(loadReport, 'load report', REPORT_BYTES_MAX);
const handoffs = several<HandoffMessage>(HANDOFF_MESSAGES, 'handoff message', HANDOFF_BYTES_MAX);
const registers = single<ToldRegister>(register, 'register', REGISTER_BYTES_MAX);
const exchange = several<ExchangeMessage>(EXCHANGE_MESSAGES, 'message of an exchange', HANDOFF_BYTES_MAX);
const actions = several<ActionMessage>(ACTION_MESSAGES, 'action', ACTION_BYTES_MAX);
const power = several<PowerMessage>(POWER_MESSAGES, 'message about power', POWER_BYTES_MAX);

/** Everything that reads bytes of peers: what is fuzzed, and what every message belongs to. */
export const CODECS: readonly Codec<unknown>[] = [reports, handoffs, registers, exchange, actions, power];

export const { encode: encodeLoadReport, decode: decodeLoadReport } = reports;
export const { encode: encodeHandoff, decode: decodeHandoff } = handoffs;
export const { encode: encodeRegister, decode: decodeRegister } = registers;
export const { encode: encodeExchange, decode: decodeExchange } = exchange;
export const { encode: encodeAction, decode: decodeAction } = actions;
export const { encode: encodePower, decode: decodePower } = power;

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
