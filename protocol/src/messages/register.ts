/**
 * A register: one piece of the state that all nodes share (who is a member, what is paused), signed by whoever wrote it.
 * The last writer wins (`docs/decisions/0015-shared-state.md`); what a node does not understand it keeps and passes on.
 */
import { int, type Struct, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';

export type Register = {
  /** `kind/subject…`; for a node's own state the subject is its peer id, and it alone (or an operator) may write it. */
  key: string;
  /** JSON by the key's kind; empty = withdrawn. */
  value: string;
  /** One higher at each write; the highest wins, then the higher author id. */
  counter: number;
  /** Peer id of the key that signed: a node's or an operator's. */
  author: string;
  /** Ed25519 over `registerBytes`, hex. */
  signature: string;
};

/** A register as it is told on: how long ago it was written, as far as the teller knows. Not signed. */
export type ToldRegister = Register & { ageMs: number };

export const toldRegister: Struct<ToldRegister> = struct<ToldRegister>({
  key: text(
    limit.REGISTER_KEY_BYTES_MAX,
    /^[a-z][a-z0-9-]*(\/[A-Za-z0-9._-]+){1,3}$/,
    'is no key such as kind/subject',
  ),
  value: text(limit.REGISTER_VALUE_BYTES_MAX),
  counter: int(1, limit.COUNT_MAX),
  author: kind.peerId,
  signature: kind.hex(128, 128),
  ageMs: kind.ageMs,
});

export const register = { number: 30, name: 'register', kind: toldRegister } as const;
