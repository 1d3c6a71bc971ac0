import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ran, shoal } from '@shoal/agent/cli/test-terminal';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import type { AuditRow } from '@shoal/agent/edge/people/audit';
import type { TokenStatus } from '@shoal/agent/edge/people/tokens';
import { makeOperatorKey } from '@shoal/agent/edge/registers/operator-key';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, within } from './help.ts';

/** Word goes round in tens of milliseconds; a machine with other work takes longer. */
const TOLD_MS = 30_000;
const HTTPS_PORT = 7422;

const dir = mkdtempSync(join(tmpdir(), 'shoal-people-'));
const operatorKey = join(dir, 'operator.key');
let lab: Lab;
const test = suite('people');

before(test, async () => {
  const { id } = await makeOperatorKey(operatorKey);
  lab = await bringUp({
    name: 'people',
    nodes: 3,
    driver: 'micro',
    net: 'netns',
    link: 'none',
    cores: 'none',
    mode: 'observe',
    settings: { http: { https: `0.0.0.0:${HTTPS_PORT}` }, mesh: { operators: [id] } },
  });
  await lab.runVm('node1', { name: 'vm0', memoryMib: 32 });
  await within(TOLD_MS, 'node0 knows where vm0 is', async () => (await nodeOf('node0')) === 'node1');
});
test.after(async () => {
  await lab?.down();
  rmSync(dir, { recursive: true });
});

const nodeOf = async (asked: string) => {
  const { vms } = await lab.node(asked).get<ClusterStatus>('/v1/status');
  return vms.find(v => v.name === 'vm0' && v.state === 'running')?.node;
};
/** At the node itself, as its root. */
const at = (node: string, ...args: string[]): Promise<Ran> =>
  shoal(['--socket', lab.node(node).controlSocket, ...args]);
const json = async <T>(ran: Promise<Ran>): Promise<T> => JSON.parse((await ran).out) as T;

/** As somebody elsewhere: a fingerprint that was read on the node, and a token in a file. */
async function far(node: string, token: string, args: string[], fingerprint?: string): Promise<Ran> {
  const { https } = await json<ClusterStatus>(at(node, 'status', '--json'));
  const address = `https://${lab.node(node).address}:${HTTPS_PORT}`;
  const pin = fingerprint ?? https.fingerprint;
  // Right after a move, or on a machine that is busy, the asked node may not be sure who has the VM: it says so, and a
  // person asks again.
  return within(TOLD_MS, `${node} is sure of whom to ask`, async () => {
    const ran = await shoal(['--node', address, '--token-file', token, '--fingerprint', pin, ...args]);
    return !ran.note.includes('no token is sent there') && ran;
  });
}

let files = 0;
function fileOf(ran: Ran): string {
  assert.is(ran.code, 0, ran.note);
  const file = join(dir, `token${files++}`);
  writeFileSync(file, ran.out);
  chmodSync(file, 0o600);
  return file;
}
const known = (node: string, name: string, state: TokenStatus['state']) =>
  within(TOLD_MS, `${name} is ${state} on ${node}`, async () => {
    const tokens = await json<TokenStatus[]>(at(node, 'token', 'list', '--json'));
    return tokens.some(t => t.name === name && t.state === state);
  });

let ann = '';
test('a token that an operator signed at one node is known on all', async () => {
  ann = fileOf(
    await at('node0', 'token', 'create', '--role', 'operate', '--name', 'ann', '--key', operatorKey),
  );
  for (const node of ['node0', 'node1', 'node2']) await known(node, 'ann', 'valid');
});

test('a VM is moved by asking a node that does not have it, over HTTPS with its fingerprint pinned', async () => {
  const dry = await far('node0', ann, ['migrate', 'vm0', 'node2', '--dry-run']);
  assert.match(dry.out, /^Would offer vm0 to node2 by /, dry.note);
  const ran = await far('node0', ann, ['migrate', 'vm0', 'node2']);
  assert.match(ran.out, /^vm0 moves to node2 /, ran.note);
  await within(TOLD_MS, 'vm0 is on node2', async () => (await nodeOf('node0')) === 'node2');
});

test('both nodes have it in their audit logs, the third has not', async () => {
  const logs = await Promise.all(
    ['node0', 'node1', 'node2'].map(node => json<AuditRow[]>(at(node, 'audit', '--json'))),
  );
  const [asked, carried, third] = logs.map(rows => rows.filter(r => r.what === 'migrate'));
  assert.equal(
    [asked, carried, third].map(rows => rows!.map(r => [r.name, r.subject, r.node, r.result])),
    [[['ann', 'vm0', 'node1', 'done']], [['ann', 'vm0', 'node1', 'done']], []],
  );
  assert.is(asked![0]!.request, carried![0]!.request);
  assert.match(carried![0]!.from, /^node0, from /);
});

test('a token that only the asked node knows moves nothing elsewhere', async () => {
  const bob = fileOf(await at('node0', 'token', 'create', '--role', 'operate', '--name', 'bob'));
  const refused = await far('node0', bob, ['stop', 'vm0']);
  assert.is(refused.code, 1);
  assert.match(refused.note, /node2 says: token [0-9a-f]{16} is not known here/);
  const own = await far('node0', bob, ['cordon', '--dry-run']);
  assert.is(own.code, 0, 'at the node that knows it, it is good');
  assert.is(await nodeOf('node0'), 'node2');
});

test('nothing is done for a wrong token, by plain HTTP, or for a certificate that is another', async () => {
  const text = `shoal_${'0'.repeat(16)}_${'A'.repeat(43)}\n`;
  const wrong = fileOf({ code: 0, out: text, note: '' });
  assert.match((await far('node0', wrong, ['stop', 'vm0'])).note, 'the token is not known here');
  const plain = await fetch(`${lab.node('node0').http}/v1/vms/vm0/actions/stop`, { method: 'POST' });
  assert.is(plain.status, 403);
  const other = await far('node0', ann, ['stop', 'vm0'], `sha256:${'0'.repeat(64)}`);
  assert.match(other.note, 'Nothing was sent');
  assert.is(await nodeOf('node0'), 'node2');
});

test('a token that is revoked on one node is worth nothing on any, at once there and soon elsewhere', async () => {
  assert.is((await at('node2', 'token', 'revoke', 'ann')).code, 0);
  for (const node of ['node2', 'node0', 'node1']) await known(node, 'ann', 'revoked');
  const { code, note } = await far('node0', ann, ['stop', 'vm0']);
  assert.is(code, 1);
  assert.match(note, 'the token is not known here, or not any more');
  assert.is(await nodeOf('node0'), 'node2');
});

test.run();
