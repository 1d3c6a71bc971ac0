import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createServers, TestServer } from './test-server.ts';
import { gidOf, makeRoom } from './unix-socket.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-socket-'));
const server = new TestServer();
test.before(() => server.start());
test.after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    e => e.code,
  );

test('the socket is for its owner and one group', () => {
  assert.is(statSync(server.socket).mode & 0o777, 0o660);
});

test('a second agent on the same socket is told, and the first goes on', async () => {
  const second = createServers({ listen: '', socket: server.socket, group: '' });
  assert.is(await codeOf(second.start()), 'SHOAL_CONTROL_SOCKET');
  assert.is((await server.local('GET', '/healthz')).status, 200);
});

test('a second agent on the same port is told, and leaves no socket behind', async () => {
  const socket = join(dir, 'second.sock');
  const second = createServers({ listen: server.servers.address().tcp, socket, group: '' });
  assert.is(await codeOf(second.start()), 'SHOAL_HTTP_LISTEN');
  assert.is(existsSync(socket), false);
});

test('the socket of an agent that died makes room', async () => {
  const path = join(dir, 'dead.sock');
  const owner = createServer().listen(join(dir, 'first.sock'));
  await once(owner, 'listening');
  // Closing removes the name that it was bound to; under another name it stays, with nobody behind it.
  renameSync(join(dir, 'first.sock'), path);
  await new Promise(resolve => owner.close(resolve));
  assert.ok(existsSync(path));
  await makeRoom(path);
  assert.is(existsSync(path), false);
});

test('what is no socket stays where it is', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, 'kept');
  assert.is(await codeOf(makeRoom(file)), 'SHOAL_CONTROL_SOCKET');
  assert.ok(existsSync(file));
});

test('a group that this machine does not have is named before anything listens', async () => {
  const socket = join(dir, 'group.sock');
  const bad = createServers({ listen: '', socket, group: 'no-such-group' });
  assert.is(await codeOf(bad.start()), 'SHOAL_CONTROL_GROUP');
  assert.is(existsSync(socket), false);
  const groups = join(dir, 'groups');
  mkdirSync(groups);
  writeFileSync(join(groups, 'group'), 'root:x:0:\nshoal:x:991:ann\n');
  assert.is(gidOf('shoal', join(groups, 'group')), 991);
});

test.run();
