import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TestServer } from '../edge/http/test-server.ts';
import { type Ran, shoal, shoalProcess } from './test-terminal.ts';

const command = fileURLToPath(new URL('../../native/target/release/shoal-pages', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'shoal-cli-people-'));
const certificate = { dir: join(dir, 'https'), command, certFile: '', keyFile: '' };
const server = new TestServer(undefined, '', { https: '127.0.0.1:0', certificate });
const file = join(dir, 'token');
const keep = (token: string, path = file) => {
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  return path;
};
test.before(async () => {
  await server.start();
  keep((await server.people.tokens.create('operate', 'ann', 0)).token);
});
test.after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});
test.before.each(() => {
  server.time.ms += 3_600_000;
  server.api.asked.length = 0;
});

const local = (...args: string[]) =>
  shoal(['--socket', server.socket, ...args], { now: () => server.time.ms });
const https = () => `https://${server.servers.address().https}`;
const far = (
  args: string[],
  token = file,
  fingerprint = server.servers.address().fingerprint,
): Promise<Ran> => shoal(['--node', https(), '--token-file', token, '--fingerprint', fingerprint, ...args]);

test('a token is made, listed, used and revoked, and its secret is printed alone', async () => {
  const made = await local('token', 'create', '--role', 'operate', '--name', 'ci', '--expires', '12h');
  assert.is(made.code, 0);
  assert.match(made.out, /^shoal_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n$/);
  assert.match(made.note, /^It is told this once\. For other nodes: shoal token add [0-9a-f]{16}\.operate\./);
  const token = keep(made.out.trim(), join(dir, 'ci'));
  assert.match((await local('token', 'list')).out, /^[0-9a-f]{16} +ci +node +operate +valid +\S+ .*$/m);
  assert.is((await far(['start', 'vm1'], token)).out, 'vm1 runs.\n');
  assert.equal(server.api.asked, [['start', 'vm1']]);
  assert.match(
    (await local('token', 'revoke', 'ci')).out,
    /^Token [0-9a-f]{16} is worth nothing any more, here and on every node that hears of it/,
  );
  const { code, note } = await far(['start', 'vm1'], token);
  assert.is(code, 1);
  assert.match(note, 'shoal: the token is not known here, or not any more');
  assert.match((await local('token', 'list')).out, 'revoked');
});

test('a token is carried to another node by its record', async () => {
  const other = new TestServer();
  await other.start();
  const record = (await local('token', 'list', '--records')).out.split('\n').find(l => l.endsWith('.ann'))!;
  const { out } = await shoal(['--socket', other.socket, 'token', 'add', record]);
  assert.match(out, /^Token [0-9a-f]{16} is known here too\.\n$/);
  assert.equal(
    other.people.tokens.list().map(t => [t.name, t.role]),
    [['ann', 'operate']],
  );
  await other.stop();
});

test("a token for all nodes is signed with an operator's key, and the agent never sees it", async () => {
  const key = join(dir, 'operator.key');
  assert.is((await local('keys', 'make', '--key', key)).code, 0);
  const made = await local('token', 'create', '--role', 'operate', '--name', 'all', '--key', key);
  assert.is(made.code, 0, made.note);
  const token = made.out.trim();
  assert.match(token, /^shoal_[0-9a-f]{16}_/);
  const [what, register] = server.api.asked.at(-1) as [string, { key: string; value: string }];
  assert.equal([what, register.key], ['submit', `mesh/token/${token.slice(6, 22)}`]);
  assert.equal(Object.keys(JSON.parse(register.value)), ['role', 'name', 'hash', 'expiresAtMs']);
  assert.not(register.value.includes(token.slice(-43)));
  await server.people.tokens.add(`${token.slice(6, 22)}.operate.0.${'a'.repeat(64)}.all`);
  assert.is((await local('token', 'revoke', 'all', '--key', key)).code, 0);
  assert.equal((server.api.asked.at(-1) as [string, { key: string; value: string }])[1].value, '');
  const bad = await local('token', 'create', '--role', 'read', '--name', 'a b', '--key', key);
  assert.is(bad.code, 2);
});

test('the audit log says who changed what: on the socket the user, over HTTPS the token', async () => {
  await shoal(['--socket', server.socket, 'cordon'], { env: { SUDO_USER: 'bob' } });
  await far(['stop', 'vm1']);
  const { out } = await local('audit', '--limit', '2');
  const [head, first, second] = out.split('\n') as [string, string, string];
  assert.match(head, /^WHEN +WHO +FROM +WHAT +OF +NODE +RESULT$/);
  assert.match(first, /token:[0-9a-f]{16} \(ann\) +127\.0\.0\.1 +stop +vm1 +node0 +done$/);
  assert.match(second, /socket:bob +unix socket +cordon +node0 +done$/);
});

test('a role that does not suffice is told, and what is asked for is not done', async () => {
  const { code, note } = await far(['token', 'create', '--role', 'admin']);
  assert.equal(
    [code, note.split('.')[0]],
    [
      1,
      "shoal: the token's role is operate, and this needs admin (token " +
        server.people.tokens.list().find(t => t.name === 'ann')!.id +
        ')',
    ],
  );
  assert.is((await local('token', 'create', '--role', 'root')).code, 2);
  assert.is((await local('token', 'create')).code, 2);
});

test('a certificate that is not the pinned one gets nothing, the token least of all', async () => {
  const { code, note } = await far(['stop', 'vm1'], file, `sha256:${'0'.repeat(64)}`);
  assert.is(code, 1);
  assert.match(
    note,
    `the certificate there is another one: ${server.servers.address().fingerprint}. Nothing was sent`,
  );
  assert.equal(server.api.asked, []);
  const unpinned = await shoal(['--node', https(), '--token-file', file, 'status']);
  assert.match(unpinned.note, 'nobody that this machine trusts vouches for the certificate');
});

test('a fingerprint is taken as openssl writes it too', async () => {
  const hex = server.servers.address().fingerprint.slice(7).toUpperCase();
  assert.is((await far(['status'], file, hex.match(/../g)!.join(':'))).code, 0);
});

test('who listens there and is no TLS, or nobody, is told apart from a wrong certificate', async () => {
  const plain = createServer(socket => socket.resume().end('hello')).listen(0, '127.0.0.1');
  await new Promise(resolve => plain.once('listening', resolve));
  const { port } = plain.address() as { port: number };
  for (const at of [port, 1]) {
    const args = ['--node', `https://127.0.0.1:${at}`, '--token-file', file, 'status'];
    assert.match((await shoal(args)).note, 'shoal: no agent answers');
  }
  await new Promise(resolve => plain.close(resolve));
});

test('what would show the token to others is refused before anything is sent', async () => {
  const open = keep('x', join(dir, 'open'));
  chmodSync(open, 0o644);
  const cases: [string[], number, RegExp][] = [
    [['--node', server.url, '--token-file', file], 2, /everybody on the way could read the token/],
    [['--node', https()], 2, /over HTTPS a token is needed/],
    [['--node', server.url, '--fingerprint', '0'.repeat(64)], 2, /a fingerprint is for https/],
    [['--fingerprint', '0'.repeat(64)], 2, /a fingerprint is for https/],
    [['--node', https(), '--token-file', file, '--fingerprint', 'sha1:00'], 2, /that is no fingerprint/],
    [['--node', https(), '--token-file', open], 1, /others may read the token .*chmod 600/],
    [['--node', https(), '--token-file', join(dir, 'none')], 1, /the token cannot be read: ENOENT/],
    [['--node', https(), '--token-file', keep('y', join(dir, 'bad'))], 1, /there is no token in it/],
  ];
  for (const [args, code, words] of cases) {
    const ran = await shoal([...args, 'status']);
    assert.is(ran.code, code, args.join(' '));
    assert.match(ran.note, words);
  }
});

test('the status shows where HTTPS is, with the fingerprint to pin', async () => {
  const { https: address, fingerprint } = server.servers.address();
  server.api.cluster = { ...server.api.cluster, https: { address, fingerprint } };
  assert.match((await local('status')).out, `https ${address} ${fingerprint}`);
});

test('the command as a process of its own does all that too', async () => {
  const { fingerprint } = server.servers.address();
  const ran = await shoalProcess([
    '--node',
    https(),
    '--token-file',
    file,
    '--fingerprint',
    fingerprint,
    'vms',
  ]);
  assert.equal([ran.code, ran.note], [0, '']);
  assert.match(ran.out, 'vm1');
});

test.run();
