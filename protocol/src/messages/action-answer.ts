import { Bad } from '../errors.ts';
import { flag, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';

/** What came of an action. */
export type ActionAnswer = {
  type: 'action-answer';
  request: string;
  /** Done, or with `dry`: would be. */
  ok: boolean;
  /** Why not, as an error tells it; empty when `ok`. */
  code: string;
  detail: string;
  where: string;
  todo: string;
  /** With `dry`. */
  would: string;
  /** Of `stop`: the guest had to be ended. */
  forced: boolean;
  /** Of `migrate`; else empty and 0. */
  handoff: string;
  node: string;
  pinnedMs: number;
};

export const actionAnswer = {
  number: 41,
  name: 'action-answer',
  kind: struct<Omit<ActionAnswer, 'type'>>({
    request: kind.uuid,
    ok: flag,
    code: text(64, /^(SHOAL_[A-Z0-9_]+)?$/, 'is no code of an error'),
    detail: kind.sentence,
    where: text(limit.ADDRESS_BYTES_MAX),
    todo: kind.sentence,
    would: kind.sentence,
    forced: flag,
    handoff: text(36, /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$/, 'is no UUID'),
    node: kind.nameOrEmpty,
    pinnedMs: kind.ageMs,
  }),
  relations({ ok, code }: Omit<ActionAnswer, 'type'>): void {
    if (ok !== (code === '')) throw new Bad('relation', 'code', `does not go with ok = ${ok}`);
  },
} as const;
