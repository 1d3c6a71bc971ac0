import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TestServer } from '../edge/http/test-server.ts';
import { shoal, shoalOnTerminal, shoalProcess } from './test-terminal.ts';

const server = new TestServer();
let typed = '';
let guest: Socket | undefined;
const serial = createServer(socket => {
  guest = socket;
  socket.write('login: ');
  socket.on('data', part => {
    typed += part;
    if (typed.endsWith('\u0003')) socket.write('^C');
    if (typed.includes('halt')) socket.end('bye\r\n');
  });
  socket.on('error', () => undefined);
});
test.before(async () => {
  await server.start();
  server.api.console = join(server.dir, 'console.sock');
  serial.listen(server.api.console);
  await once(serial, 'listening');
});
test.after(async () => {
  guest?.destroy();
  serial.close();
  await server.stop();
});
test.before.each(() => {
  typed = '';
});
const args = ['--socket', server.socket, 'console', 'vm1'];

test('what is piped in reaches the console of the VM, and what the VM says comes out', async () => {
  const { code, out } = await shoalProcess(args, 'halt\n');
  // It was on its way when the command ended: another process reads it.
  for (const untilMs = Date.now() + 2000; typed === '' && Date.now() < untilMs; ) await sleep(10);
  assert.equal([code, typed], [0, 'halt\n']);
  assert.match(out, 'login: ');
});

test('on a terminal keys go to the VM, Ctrl-C too, and Ctrl-] leaves it running', async () => {
  const steps: [string, string][] = [
    ['Ctrl-] leaves.', 'root\r\u0003'],
    // The guest's echo of Ctrl-C: it has arrived.
    ['^C', '\u001dnever'],
  ];
  const { code, out } = await shoalOnTerminal(args, (shown, type) => {
    if (steps.length && shown.includes(steps[0]![0])) type(steps.shift()![1]);
  });
  assert.is(code, 0);
  assert.match(out, 'Left the console of vm1.');
  assert.is(typed, 'root\r\u0003');
});

test('a terminal is told when the console of the VM ends', async () => {
  let sent = false;
  const { code, out } = await shoalOnTerminal(args, (shown, type) => {
    if (!sent && shown.includes('leaves.')) type('halt\r');
    sent ||= shown.includes('leaves.');
  });
  assert.is(code, 0);
  assert.match(out, 'The console of vm1 has ended.');
});

test('the path of the console is told in JSON', async () => {
  assert.equal(JSON.parse((await shoal([...args, '--json'])).out), { path: server.api.console });
});

test('a console that is not there is told with the VM', async () => {
  const there = server.api.console;
  server.api.console = join(server.dir, 'none.sock');
  const { code, note } = await shoal(args);
  server.api.console = there;
  assert.is(code, 1);
  assert.match(note, /^shoal: the console cannot be reached: .* \(vm1\)\. See whether the VM runs here/);
});

test('a console is not offered over TCP', async () => {
  const { code, note } = await shoal(['--node', server.url, 'console', 'vm1']);
  assert.is(code, 1);
  assert.match(note, 'shoal: consoles need the unix socket of the node');
});

test.run();
