/**
 * Members and keys. Who is a member is written in registers that an operator's key signs: here, never in an agent, so that
 * the key stays where the operator is.
 */
import { memberKey, pauseKey } from '../core/registers/keys.ts';
import { POLICY_KEY } from '../core/registers/policy.ts';
import { memberValue, pauseLeftMs, REMOVED_VALUE } from '../core/registers/read.ts';
import type { MemberStatus, PolicyStatus, RegisterStatus } from '../edge/http/api.types.ts';
import type { OperatorKey } from '../edge/registers/operator-key.ts';
import { ShoalError } from '../errors.ts';
import { usage } from './arguments.ts';
import { type Answer, needsHttps } from './client.ts';
import { print, type Shell } from './shell.ts';
import { membersInFull } from './show/members.ts';

export type KeyOption = { key: string; dryRun: boolean };

/** Most commands need no key, and libp2p takes half a second to load. */
const keyring = () => import('../edge/registers/operator-key.ts');

export async function members(shell: Shell): Promise<void> {
  print(shell, await memberRows(shell), rows => membersInFull(rows, shell.style));
}

const memberRows = (shell: Shell): Promise<Answer<MemberStatus[]>> =>
  shell.client.get<MemberStatus[]>('/v1/members', 'list');
const registerRows = async (shell: Shell): Promise<RegisterStatus[]> =>
  (await shell.client.get<RegisterStatus[]>('/v1/registers', 'list')).value;

/** The newcomer, and every member that stands in configurations alone: it learns of them by their registers. */
export async function join(
  shell: Shell,
  id: string,
  options: KeyOption & { name: string; address: string[] },
): Promise<void> {
  if (!/^[1-9A-HJ-NP-Za-km-z]{46,60}$/.test(id))
    throw usage('that is no peer id', id, 'Copy it from `shoald --init` on that node (12D3KooW…)');
  const { name, address } = options;
  const rows = (await memberRows(shell)).value;
  const others = rows.filter(m => m.state === 'member' && m.by === 'config' && m.id !== id);
  const before = rows.find(m => m.id === id && m.state === 'member');
  const addresses = address.length > 0 ? address : (before?.addresses ?? []);
  await write(shell, options, [
    ...others.map(m => ({ key: memberKey(m.id), value: memberValue(m) })),
    { key: memberKey(id), value: memberValue({ name: name || before?.name || '', addresses }) },
  ]);
  done(shell, options, `${name || id} is a member.`);
}

export async function leave(shell: Shell, node: string, options: KeyOption): Promise<void> {
  const { id } = await memberOf(shell, node);
  await write(shell, options, [{ key: memberKey(id), value: REMOVED_VALUE }]);
  done(shell, options, `${node} is no member any more, on no node that hears of it.`);
}

/** Ends the pauses of all nodes, also of those that are gone. */
export async function resumeAll(shell: Shell, options: KeyOption): Promise<void> {
  const pauses = (await registerRows(shell)).filter(
    r => r.key.startsWith(pauseKey('')) && pauseLeftMs(r.value, r.ageMs) > 0,
  );
  await write(
    shell,
    options,
    pauses.map(({ key }) => ({ key, value: '' })),
  );
  done(shell, options, `The rule moves VMs again: ${pauses.length} pause(s) ended.`);
}

/** Without numbers: what holds. `name=value`: over what an operator wrote before; `reset` withdraws all of it. */
export async function policy(
  shell: Shell,
  numbers: string[],
  options: KeyOption & { reset: boolean },
): Promise<void> {
  const answer = await shell.client.get<PolicyStatus>('/v1/policy', 'object');
  if (numbers.length === 0 && !options.reset) return print(shell, answer, policyLines);
  const { numbers: hold, said } = answer.value;
  const before = options.reset ? {} : Object.fromEntries(said.map(name => [name, hold[name]]));
  const wished = { ...before, ...Object.fromEntries(numbers.map(assigned)) };
  const value = Object.keys(wished).length > 0 ? JSON.stringify(wished) : '';
  await write(shell, options, [{ key: POLICY_KEY, value }]);
  const now = numbers.length > 0 ? numbers.join(', ') : 'the numbers of the configurations';
  done(shell, options, `The rule works with ${now} on every node.`);
}

const policyLines = ({ name, hash, numbers, said }: PolicyStatus): string[] => [
  `${name} ${hash}`,
  ...Object.entries(numbers).map(
    ([key, value]) => `  ${key} = ${value}${said.includes(key) ? '   (by an operator, for all nodes)' : ''}`,
  ),
];

function assigned(text: string): [string, number | string] {
  const [, name, value] = /^([A-Za-z]+)=([A-Za-z0-9.]+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw usage('that is no number of the rule', text, 'Write name=value, such as overloadPercent=85');
  return [name, /^\d+$/.test(value) ? Number(value) : value];
}

export async function keys(
  shell: Shell,
  action: string,
  { key, to, dryRun }: { key: string; to?: string; dryRun: boolean },
): Promise<void> {
  const { makeOperatorKey, openOperatorKey } = await keyring();
  if (action === 'make') return show(shell, key, await makeOperatorKey(key), 'Made');
  if (action === 'show') return show(shell, key, await openOperatorKey(key), 'There is');
  if (action !== 'rotate') throw usage('there is no such action', action, 'There are: make, show, rotate');
  if (to === undefined)
    throw usage('the new key is missing', '--to', 'Make it first, and put its id into mesh.operators');
  const [old, fresh] = [await openOperatorKey(key), await openOperatorKey(to)];
  const rows = (await registerRows(shell)).filter(r => r.author === old.id);
  await write(shell, { key: to, dryRun }, rows);
  done(
    shell,
    { dryRun },
    `${rows.length} register(s) of ${old.id} are ${fresh.id}'s now. Take the old id off mesh.operators.`,
  );
}

function show(shell: Shell, file: string, { id }: OperatorKey, how: string): void {
  const value = { id, file };
  print(shell, { text: JSON.stringify(value), value }, () => [
    `${how} the operator key ${file}: ${id}`,
    'It counts where `mesh.operators` of shoal.yaml names that id; then: systemctl reload shoald',
  ]);
}

async function memberOf(shell: Shell, node: string): Promise<MemberStatus> {
  const [found, another] = (await memberRows(shell)).value.filter(
    m => m.state === 'member' && (m.id === node || m.name === node),
  );
  if (found && !another) return found;
  const nodes = (await shell.client.get<{ id: string; name: string }[]>('/v1/nodes', 'list')).value;
  const reported = nodes.filter(n => n.name === node);
  const by = (await memberRows(shell)).value.find(m => m.id === reported[0]?.id && m.state === 'member');
  if (by && reported.length === 1) return by;
  throw new ShoalError('SHOAL_MEMBER_UNKNOWN', 'no member has that name or id', node, 'See `shoal members`');
}

type Wish = { key: string; value: string };

/** One after the other: each is worth something by itself, and a fault ends it where it is told. */
export async function write(shell: Shell, { key: file, dryRun }: KeyOption, wishes: Wish[]): Promise<void> {
  if (!shell.client.mayChange) throw needsHttps(shell.client.where);
  const operator = await (await keyring()).openOperatorKey(file);
  const before = new Map((await registerRows(shell)).map(r => [r.key, r.counter]));
  for (const { key, value } of wishes) {
    const register = operator.sign(key, value, (before.get(key) ?? 0) + 1);
    const path = dryRun ? '/v1/registers?dryRun=true' : '/v1/registers';
    await shell.client.post(path, dryRun ? 'object' : 'nothing', JSON.stringify(register));
  }
}

const done = (shell: Shell, { dryRun }: { dryRun: boolean }, sentence: string): void =>
  print(shell, { text: '{}', value: undefined }, () => [dryRun ? `Would do: ${sentence}` : sentence]);
