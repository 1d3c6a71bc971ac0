/** Members and registers as people see them, and the one way in for what an operator has signed. */
import { threshold } from '@shoal/policies';
import { Bad, encodeRegister, type Register } from '@shoal/protocol';
import { memberKey } from '../../core/registers/keys.ts';
import { POLICY_KEY, type PolicyNumbers } from '../../core/registers/policy.ts';
import { membership } from '../../core/registers/read.ts';
import type { Merged } from '../../core/registers/table.ts';
import { ShoalError } from '../../errors.ts';
import type { MemberStatus, PolicyStatus, RegisterStatus } from '../http/api.types.ts';
import type { Registers } from '../registers/registers.ts';
import type { Change } from './changes.ts';

/** Members by id, then those that were removed. */
export function memberList(registers: Registers, connected: readonly string[]): MemberStatus[] {
  const here = new Set([...connected, registers.self]);
  const saying = (id: string) => membership(registers.get(memberKey(id)).value);
  const members = registers.members().map(
    (m): MemberStatus => ({
      ...m,
      state: 'member',
      by: saying(m.id) ? 'register' : 'config',
      connected: here.has(m.id),
    }),
  );
  const prefix = memberKey('');
  const removed = registers.table
    .all()
    .filter(({ register: { key, value } }) => key.startsWith(prefix) && membership(value)?.removed)
    .map(({ register }) => register.key.slice(prefix.length));
  return [
    ...members,
    ...removed.map(
      (id): MemberStatus => ({
        id,
        name: '',
        addresses: [],
        state: 'removed',
        by: 'register',
        connected: false,
      }),
    ),
  ];
}

export const registerList = (registers: Registers): RegisterStatus[] =>
  registers.table.all().map(held => {
    const { signature, ...told } = registers.told(held);
    return told;
  });

/** The rule's numbers as they hold (`settings.ts`). */
export type PolicyNow = {
  readonly hash: string;
  readonly values: PolicyNumbers;
  readonly said: string[];
  faultsOf(value: string): string[];
};

export const policyStatus = ({ hash, values, said }: PolicyNow): PolicyStatus => ({
  name: threshold.name,
  hash,
  numbers: { ...values },
  said,
});

const REFUSED: Partial<Record<Merged | 'forged', [code: string, what: string, todo: string]>> = {
  denied: [
    'SHOAL_REGISTER_DENIED',
    'the key that signed it is no operator of this node',
    'Put its id into mesh.operators on every node, and reload the agents (systemctl reload shoald)',
  ],
  forged: ['SHOAL_REGISTER_FORGED', 'its signature was not made by that author', 'Sign it again'],
  old: ['SHOAL_REGISTER_OLD', 'something newer was written meanwhile', 'Look again, and write anew'],
  full: ['SHOAL_REGISTER_FULL', 'no more keys of that owner are kept', 'Withdraw some'],
};

/** Throws what a dry run can tell: the form, the signature, whether the author may, whether it is newer. */
export function submitChange(
  register: Register,
  registers: Registers,
  policy: Pick<PolicyNow, 'faultsOf'>,
): Change<undefined> {
  mustFit(register);
  const faults = register.key === POLICY_KEY ? policy.faultsOf(register.value) : [];
  if (faults.length > 0)
    throw new ShoalError('SHOAL_POLICY_NUMBERS', faults.join('; '), POLICY_KEY, 'See `shoal policy`');
  mustBeTaken(register, registers.wouldTake(register));
  return {
    would: `write ${register.key} on every node`,
    async act() {
      mustBeTaken(register, await registers.submit(register));
      return undefined;
    },
  };
}

function mustBeTaken({ key }: Register, merged: Merged | 'forged'): void {
  const refused = REFUSED[merged];
  if (refused) throw new ShoalError(refused[0], refused[1], key, refused[2]);
}

/** As the protocol says: no peer shall be the first to find that it would refuse it. */
function mustFit(register: Register): void {
  try {
    encodeRegister({ ...register, ageMs: 0 });
  } catch (error) {
    if (!(error instanceof Bad)) throw error;
    const { path, what } = error.fault;
    throw new ShoalError('SHOAL_HTTP_REQUEST', `${path || 'the register'} ${what}`, register.key, 'Mend it');
  }
}
