import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Register } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberStatus } from '../edge/http/api.types.ts';
import { aNode } from '../edge/http/test-api.ts';
import { TestServer } from '../edge/http/test-server.ts';
import { openOperatorKey } from '../edge/registers/operator-key.ts';
import { verifySeal } from '../edge/registers/seal.ts';
import { shoal } from './test-terminal.ts';

const server = new TestServer();
const { api } = server;
const dir = mkdtempSync(join(tmpdir(), 'shoal-keys-'));
const key = join(dir, 'operator.key');
test.before(async () => {
  await server.start();
  assert.is((await ask('keys', 'make', '--key', key)).code, 0);
});
test.after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});

const newcomer = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2';
const member = (id: string, more: Partial<MemberStatus> = {}): MemberStatus => ({
  id,
  name: '',
  addresses: [],
  state: 'member',
  by: 'config',
  connected: true,
  ...more,
});
test.before.each(() => {
  api.asked.length = 0;
  api.memberRows = [member(aNode('node0').id, { addresses: ['/ip4/198.18.0.1/tcp/7420'] })];
  api.registerRows = [];
});
const ask = (...args: string[]) => shoal(['--socket', server.socket, ...args]);
const submitted = () => api.asked.map(row => (row as [string, Register])[1]);

test('a key is made once, readable by its owner alone, and shown by its id', async () => {
  assert.is(statSync(key).mode & 0o777, 0o600);
  const { id } = await openOperatorKey(key);
  assert.match((await ask('keys', 'show', '--key', key)).out, id);
  const again = await ask('keys', 'make', '--key', key);
  assert.is(again.code, 1);
  assert.match(again.note, 'there is a key already');
  const none = await ask('keys', 'show', '--key', join(dir, 'none'));
  assert.match(none.note, /there is no operator key .*Make one with `shoal keys make`/);
});

test('a node joins by registers that the key signs, and whoever stands in configurations alone gets one too', async () => {
  const ran = await ask(
    'join',
    newcomer,
    '--name',
    'n9',
    '--address',
    '/ip4/198.18.0.9/tcp/7420',
    '--key',
    key,
  );
  assert.equal(ran, { code: 0, out: 'n9 is a member.\n', note: '' });
  const [first, second] = submitted() as [Register, Register];
  assert.equal([first.key, second.key], [`member/${aNode('node0').id}`, `member/${newcomer}`]);
  assert.equal(JSON.parse(first.value), { name: '', addresses: ['/ip4/198.18.0.1/tcp/7420'] });
  assert.equal(JSON.parse(second.value), { name: 'n9', addresses: ['/ip4/198.18.0.9/tcp/7420'] });
  const { id } = await openOperatorKey(key);
  for (const register of [first, second]) {
    assert.is(register.author, id);
    assert.ok(verifySeal(register));
  }
});

test('a member leaves by its name, with a counter above what was written before', async () => {
  api.memberRows = [member(newcomer, { name: 'n9', by: 'register' })];
  api.registerRows = [{ key: `member/${newcomer}`, value: '{}', counter: 4, author: 'x', ageMs: 5 }];
  assert.is((await ask('leave', 'n9', '--key', key)).code, 0);
  const [register] = submitted() as [Register];
  assert.equal(
    [register.key, register.value, register.counter],
    [`member/${newcomer}`, '{"removed":true}', 5],
  );
  const unknown = await ask('leave', 'n8', '--key', key);
  assert.match(unknown.note, 'no member has that name or id');
});

test('a member that has no name in its register is found by the name that it reports', async () => {
  assert.is((await ask('leave', 'node0', '--key', key)).code, 0);
  assert.is(submitted()[0]?.key, `member/${aNode('node0').id}`);
});

test('a rotated key has all that the old one signed signed by the new one, and nothing else', async () => {
  const to = join(dir, 'next.key');
  await ask('keys', 'make', '--key', to);
  const [old, fresh] = [await openOperatorKey(key), await openOperatorKey(to)];
  api.registerRows = [
    { key: `member/${newcomer}`, value: '{"removed":true}', counter: 4, author: old.id, ageMs: 5 },
    { key: `cordon/${newcomer}`, value: 'true', counter: 1, author: newcomer, ageMs: 5 },
  ];
  assert.is((await ask('keys', 'rotate', '--key', key, '--to', to)).code, 0);
  assert.equal(
    submitted().map(r => [r.key, r.value, r.counter, r.author]),
    [[`member/${newcomer}`, '{"removed":true}', 5, fresh.id]],
  );
  assert.match((await ask('keys', 'rotate', '--key', key)).note, 'the new key is missing');
});

test("with an operator's key the pauses of all nodes are ended, also of one that is gone", async () => {
  const row = { counter: 2, author: newcomer };
  api.registerRows = [
    { ...row, key: `pause/${newcomer}`, value: '60000', ageMs: 1000 },
    { ...row, key: 'pause/over', value: '60000', ageMs: 70_000 },
  ];
  assert.match((await ask('resume', '--key', key)).out, '1 pause(s) ended');
  assert.equal(
    submitted().map(r => [r.key, r.value, r.counter]),
    [[`pause/${newcomer}`, '', 3]],
  );
});

test('the table of members says who is connected and who was removed', async () => {
  api.memberRows.push(member(newcomer, { state: 'removed', by: 'register', connected: false }));
  const { out } = await ask('members');
  assert.match(out, /connected\s+config\s+12D3KooWnode0/);
  assert.match(out, /removed\s+register\s+12D3KooWBmAw/);
});

test('what is no peer id is refused before anything is signed or sent, and a dry run changes nothing', async () => {
  assert.match((await ask('join', 'n9', '--key', key)).note, 'that is no peer id');
  assert.equal(api.asked, []);
  const dry = await ask('join', newcomer, '--dry-run', '--key', key);
  assert.match(dry.out, /^Would do: /);
  assert.ok(api.asked.every(row => (row as unknown[]).at(-1) === 'dry'));
});

test("the rule's numbers are shown, set over what was said before, and given back", async () => {
  assert.match((await ask('policy')).out, /threshold 0f3a5c7712345678\n {2}overloadPercent = 90\n/);
  api.policyNow = { ...api.policyNow, numbers: { overloadPercent: 80 }, said: ['overloadPercent'] };
  assert.match((await ask('policy')).out, /overloadPercent = 80 +\(by an operator/);
  assert.is((await ask('policy', 'idlePercent=20', 'cooldownScope=node', '--key', key)).code, 0);
  assert.is((await ask('policy', '--reset', '--key', key)).code, 0);
  assert.equal(
    submitted().map(r => [r.key, r.value]),
    [
      ['mesh/policy', '{"overloadPercent":80,"idlePercent":20,"cooldownScope":"node"}'],
      ['mesh/policy', ''],
    ],
  );
  assert.match((await ask('policy', 'overload', '--key', key)).note, 'that is no number of the rule');
});

test.run();
