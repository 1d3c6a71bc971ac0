import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import {
  type CertificateOptions,
  fingerprintOf,
  loadCertificate,
  watchCertificate,
} from '../people/certificate.ts';
import type { Role } from '../people/token.ts';
import { ADMIN_CHANGES, ADMIN_READS } from './admin.ts';
import { CHANGES } from './changes.ts';
import { READS } from './reads.ts';
import { type Answer, TestServer } from './test-server.ts';

const command = fileURLToPath(new URL('../../../native/target/release/shoal-pages', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'shoal-https-'));
const certificate: CertificateOptions = { dir: join(dir, 'https'), command, certFile: '', keyFile: '' };
const server = new TestServer(undefined, '', { https: '127.0.0.1:0', certificate });
const tokens: Partial<Record<Role, string>> = {};
test.before(async () => {
  await server.start();
  for (const role of ['read', 'operate', 'admin'] as const)
    tokens[role] = (await server.people.tokens.create(role, role, 0)).token;
});
test.after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});
// Each test may ask as often as it likes.
test.before.each(() => {
  server.time.ms += 3_600_000;
  server.api.asked.length = 0;
});

type Seen = Answer & { fingerprint: string; headers: Record<string, unknown> };

function ask(method: string, path: string, token?: string, body?: string): Promise<Seen> {
  const [host, port] = server.servers.address().https.split(':');
  const headers = {
    ...(token && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const options = { host, port, method, path, headers, agent: false, rejectUnauthorized: false } as const;
    const req = request(options, async res => {
      const { raw } = (res.socket as import('node:tls').TLSSocket).getPeerCertificate();
      let text = '';
      for await (const part of res.setEncoding('utf8')) text += part;
      const type = String(res.headers['content-type'] ?? '');
      const json = type.includes('json') && text ? JSON.parse(text) : undefined;
      const { statusCode = 0, headers } = res;
      resolve({ status: statusCode, type, text, json, fingerprint: fingerprintOf(raw), headers });
    });
    req.on('error', reject).end(body);
  });
}

test('the node makes its own certificate once, its key for itself alone, and shows the fingerprint of what it sends', async () => {
  const { fingerprint } = await ask('GET', '/v1/status', tokens.read);
  assert.is(fingerprint, server.servers.address().fingerprint);
  assert.match(fingerprint, /^sha256:[0-9a-f]{64}$/);
  for (const name of readdirSync(certificate.dir))
    assert.is(statSync(join(certificate.dir, name)).mode & 0o077, 0, name);
  assert.is((await loadCertificate(certificate)).fingerprint, fingerprint, 'the same after a restart');
});

test('a certificate whose making was broken off is made anew', async () => {
  const half = { ...certificate, dir: join(dir, 'half') };
  await loadCertificate(half);
  rmSync(join(half.dir, 'cert.der'));
  assert.match((await loadCertificate(half)).fingerprint, /^sha256:/);
});

test('without a token nothing is answered, reads included, and it says so before the body is read', async () => {
  for (const path of Object.keys(READS)) {
    const { status, json, headers } = await ask('GET', path.replace(':name', 'vm1'));
    assert.equal([status, json.code], [401, 'SHOAL_HTTP_UNAUTHORIZED'], path);
    assert.match(String(headers['www-authenticate']), 'Bearer');
  }
  const { status } = await ask('POST', '/v1/vms', undefined, '{not json');
  assert.is(status, 401);
  assert.is((await ask('GET', '/nothing/here')).status, 401);
});

test('a role may do what it may, and no more: every path, every role', async () => {
  const wanted: [string, string, Role][] = [
    ...Object.keys(READS).map((path): [string, string, Role] => ['GET', path, 'read']),
    ...Object.keys(CHANGES).map((path): [string, string, Role] => ['POST', path, 'operate']),
    ...['GET', 'HEAD'].flatMap(method =>
      Object.keys(ADMIN_READS).map((path): [string, string, Role] => [method, path, 'admin']),
    ),
    ...Object.keys(ADMIN_CHANGES).map((path): [string, string, Role] => ['POST', path, 'admin']),
  ];
  const roles: Role[] = ['read', 'operate', 'admin'];
  for (const [method, path, needs] of wanted) {
    for (const role of roles) {
      const body = method === 'POST' ? '{"unknown":1}' : undefined;
      const { status } = await ask(method, path.replace(':name', 'vm1'), tokens[role], body);
      const passed = status !== 403 && status !== 401;
      assert.is(passed, roles.indexOf(role) >= roles.indexOf(needs), `${role}: ${method} ${path}: ${status}`);
    }
  }
});

test('a change over HTTPS reaches the agent, and is in the audit log with the token that asked for it', async () => {
  const { status } = await ask('POST', '/v1/vms/vm1/actions/start', tokens.operate);
  assert.is(status, 204);
  assert.equal(server.api.asked, [['start', 'vm1']]);
  const [row] = (await ask('GET', '/v1/audit?limit=1', tokens.admin)).json;
  assert.equal(
    [row.name, row.from, row.what, row.subject, row.result],
    ['operate', '127.0.0.1', 'start', 'vm1', 'done'],
  );
  assert.match(row.who, /^token:[0-9a-f]{16}$/);
});

test('who made a token, and which, is in the audit log', async () => {
  const { id } = (await ask('POST', '/v1/tokens', tokens.admin, '{"role":"read","name":"new"}')).json;
  const [row] = (await ask('GET', '/v1/audit?limit=1', tokens.admin)).json;
  assert.equal(
    [row.name, row.what, row.subject, row.result, row.detail],
    ['admin', 'token-create', 'new', 'done', `token ${id}`],
  );
});

test('a revoked token is worth nothing from the next request on', async () => {
  const made = await ask('POST', '/v1/tokens', tokens.admin, '{"role":"operate","name":"short"}');
  assert.is(made.status, 201);
  const { token, id } = made.json;
  assert.is((await ask('GET', '/v1/status', token)).status, 200);
  assert.is((await ask('POST', `/v1/tokens/${id}/actions/revoke`, tokens.admin)).status, 200);
  assert.is((await ask('GET', '/v1/status', token)).status, 401);
  const listed = (await ask('GET', '/v1/tokens', tokens.admin)).text;
  assert.not(listed.includes(token.slice(-43)), 'a secret is told once');
});

test('who shows wrong tokens is told to wait, and for how long', async () => {
  const wrong = `${tokens.read!.slice(0, -43)}${'A'.repeat(43)}`;
  for (let i = 0; i < 10; i++) assert.is((await ask('GET', '/v1/status', wrong)).status, 401);
  const { status, json, headers } = await ask('GET', '/v1/status', tokens.read);
  assert.equal([status, json.code, headers['retry-after']], [429, 'SHOAL_HTTP_RATE', '6']);
});

test('the console is not offered, whatever the token', async () => {
  const { status, json } = await ask('GET', '/v1/vms/vm1/console', tokens.admin);
  assert.equal([status, json.code], [403, 'SHOAL_HTTP_NEEDS_SOCKET']);
});

const quiet = () => undefined;
const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };

test('a renewed certificate is taken over without a restart; one that does not fit its key is not', async () => {
  const [first, second] = await Promise.all(
    ['first', 'second'].map(name => loadCertificate({ ...certificate, dir: join(dir, name) })),
  );
  const given = { ...certificate, certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem') };
  const install = ({ cert, key }: { cert: string; key: string }) => {
    // As certbot and the like do: each file whole, in place of the old one.
    for (const [file, text] of [
      [given.certFile, cert],
      [given.keyFile, key],
    ] as const) {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    }
  };
  install(first!);
  assert.is((await loadCertificate(given)).fingerprint, first!.fingerprint);
  const seen: string[] = [];
  const warned: unknown[] = [];
  const log = { ...silent, warn: (fields: object) => warned.push(fields) };
  const stop = watchCertificate(given, c => seen.push(c.fingerprint), { clock, log }, 20);
  await sleep(100);
  assert.equal(seen, [], 'nothing has changed');
  install({ cert: second!.cert, key: first!.key });
  const until = async (holds: () => boolean) => {
    for (let i = 0; i < 500 && !holds(); i++) await sleep(20);
  };
  await until(() => warned.length > 0);
  assert.equal([seen, warned.length > 0], [[], true]);
  install(second!);
  await until(() => seen.length > 0);
  stop();
  assert.equal(seen, [second!.fingerprint]);
});

test('a certificate that is none is told with where it was looked for', async () => {
  const bad = join(dir, 'bad.pem');
  writeFileSync(bad, 'not a certificate');
  const error = await loadCertificate({ ...certificate, certFile: bad, keyFile: bad }).catch(e => e);
  assert.equal([error.code, error.where], ['SHOAL_HTTPS_CERTIFICATE', bad]);
});

test.run();
