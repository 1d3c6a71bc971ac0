import { flag, struct } from '../fields.ts';
import * as kind from '../kinds.ts';
import { type ToldRegister, toldRegister } from './register.ts';

/** A node wants to sleep, and asks each member for its leave (`docs/decisions/0026`). */
export type Farewell = {
  type: 'farewell';
  /** UUID; the answer carries it. */
  request: string;
  /** A person wants it asleep: the rule is not asked. */
  isManual: boolean;
  /** A supervised test: whoever knows how wakes it after so long. 0: none. */
  wakeAfterMs: number;
  /** Its signed entry `asleep/NODE`: a yes means that it is on the disk there. */
  entry: ToldRegister;
};

export const farewell = {
  number: 50,
  name: 'farewell',
  kind: struct<Omit<Farewell, 'type'>>({
    request: kind.uuid,
    isManual: flag,
    wakeAfterMs: kind.ageMs,
    entry: toldRegister,
  }),
} as const;
