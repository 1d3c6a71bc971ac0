/** A change of a VM that a person asked for at one node and that the node with the VM is to carry out. */
import { Bad } from '../errors.ts';
import { flag, oneOf, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';

/** What can be asked for; in this order in the README. */
export const ACTIONS = ['start', 'stop', 'destroy', 'migrate', 'cancel', 'unpin'] as const;

export type Action = {
  type: 'action';
  /** UUID; the answer carries it, and both audit logs. */
  request: string;
  action: (typeof ACTIONS)[number];
  /** Name or UUID. */
  vm: string;
  /** With `migrate`: name or peer id of the target; empty = the node chooses. */
  node: string;
  /** With `migrate`: empty = the VM's. */
  engine: 'postcopy' | 'precopy' | '';
  /** All is checked and nothing is done. */
  dry: boolean;
  /** Id of the token that the person showed. */
  token: string;
  /** The proof of that token, which the receiver judges by its own list (`docs/decisions/0016-people.md`). */
  proof: string;
  /** Where the person asked from, as the sender saw it: for the receiver's audit log. */
  from: string;
};

export const action = {
  number: 40,
  name: 'action',
  kind: struct<Omit<Action, 'type'>>({
    request: kind.uuid,
    action: oneOf(...ACTIONS),
    vm: kind.name,
    node: kind.nameOrEmpty,
    engine: oneOf('postcopy', 'precopy', ''),
    dry: flag,
    token: kind.hex(16, 16),
    proof: kind.sha256,
    from: text(limit.ADDRESS_BYTES_MAX),
  }),
  relations({ action, node, engine }: Omit<Action, 'type'>): void {
    if (action === 'migrate') return;
    if (node !== '') throw new Bad('relation', 'node', `is given for ${action}, which has none`);
    if (engine !== '') throw new Bad('relation', 'engine', `is given for ${action}, which has none`);
  },
} as const;
