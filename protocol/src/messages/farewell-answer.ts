import { Bad } from '../errors.ts';
import { flag, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';

export type FarewellAnswer = {
  type: 'farewell-answer';
  request: string;
  /** The entry is on this node's disk, and this node does not need the other one awake. */
  yes: boolean;
  /** This node knows a way to wake the other one. */
  canWake: boolean;
  /** Why not, as one word and as a sentence; empty with yes. */
  code: string;
  detail: string;
};

export const farewellAnswer = {
  number: 51,
  name: 'farewell-answer',
  kind: struct<Omit<FarewellAnswer, 'type'>>({
    request: kind.uuid,
    yes: flag,
    canWake: flag,
    code: text(32, /^([a-z][a-z-]*)?$/, 'is no word in lower case'),
    detail: kind.sentence,
  }),
  relations({ yes, code }: Omit<FarewellAnswer, 'type'>): void {
    if (yes === (code === '')) return;
    throw new Bad('relation', 'code', yes ? 'is given with a yes' : 'is missing with a no');
  },
} as const;
