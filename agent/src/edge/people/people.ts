/** A change asked for by a person: paced, written down, carried out here or at the VM's node, its outcome written down. */
import { statusOf } from '../../error-codes.ts';
import { ShoalError } from '../../errors.ts';
import type { Log } from '../mesh/types.ts';
import type { Asking, Audit, Outcome } from './audit.ts';
import type { Gate } from './gate.ts';
import { type Person, whoIs } from './person.ts';
import type { Tokens } from './tokens.ts';

/** `subject`: VM or token; empty = this node. `node`: that is to do it, when not this one; `request`: see AuditRow. */
export type Wish<T> = {
  what: string;
  subject: string;
  node?: string;
  request?: string;
  /** What only the answer says and the log should too: the id of a token that was made. */
  told?(answer: T): string;
};

export type PeopleDeps = {
  gate: Gate;
  tokens: Tokens;
  audit: Audit;
  log: Log;
  nodeName: string;
  /** The machine has just slept: what was asked before may come out of a socket now. Default: never. */
  hasSlept?(): boolean;
};

export class People {
  readonly gate: Gate;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly #log: Log;
  readonly #nodeName: string;
  readonly #hasSlept: () => boolean;

  constructor({ gate, tokens, audit, log, nodeName, hasSlept = () => false }: PeopleDeps) {
    this.#hasSlept = hasSlept;
    this.gate = gate;
    this.tokens = tokens;
    this.audit = audit;
    this.#log = log;
    this.#nodeName = nodeName;
  }

  /** `act` is called at most once, after the row is on the disk. What is tried dry changes nothing and is no row. */
  async carryOut<T>(
    person: Person,
    { what, subject, node = this.#nodeName, request = '', told }: Wish<T>,
    dry: boolean,
    act: () => Promise<T>,
  ): Promise<T> {
    if (this.#hasSlept())
      throw new ShoalError(
        'SHOAL_SLEPT',
        'this machine has just slept',
        this.#nodeName,
        'Ask again in a moment',
      );
    this.gate.pace(person);
    if (dry) return act();
    const { from, token } = person;
    const asking: Asking = {
      who: whoIs(person),
      name: token?.name ?? '',
      from,
      what,
      subject,
      node,
      request,
    };
    const row = await this.audit.begin(asking);
    const end = (outcome: Outcome) =>
      this.audit
        .end(row, outcome)
        // The change is as it is: to answer otherwise would be a lie.
        .catch(error => this.#log.error({ error: String(error), ...row }, 'audit row not completed'));
    try {
      const answer = await act();
      await end({ result: 'done', code: '', detail: told?.(answer) ?? '' });
      return answer;
    } catch (error) {
      await end(outcomeOf(error));
      throw error;
    }
  }
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof ShoalError))
    return { result: 'failed', code: 'SHOAL_INTERNAL', detail: String(error) };
  const result = statusOf(error.code) < 500 ? 'refused' : 'failed';
  return { result, code: error.code, detail: error.message };
}
