import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isAlive, startTicks } from '../vmm/processes.ts';
import { ControlledPageServer } from './control.ts';
import { decodeEvent } from './decode.ts';
import type { PageServerEvent } from './types.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-control-'));
const left: { child: ChildProcess; server: Server }[] = [];
test.after(() => {
  for (const { child, server } of left) {
    child.kill('SIGKILL');
    server.close();
  }
  rmSync(dir, { recursive: true, force: true });
});

/** A living process that says whatever the test wants, in a page server's place. */
async function imposter(name: string) {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const path = join(dir, name);
  let talk: (socket: Socket) => void = () => undefined;
  const connected = new Promise<Socket>(resolve => {
    talk = resolve;
  });
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    talk(socket);
  });
  left.push({ child, server });
  await new Promise<void>(resolve => server.listen(path, resolve));
  const id = { pid: child.pid ?? 0, startTicks: startTicks(child.pid ?? 0) ?? '' };
  const pages = await ControlledPageServer.connect('handoff', id, path);
  assert.ok(pages);
  const events: PageServerEvent[] = [];
  pages.on(event => events.push(event));
  return { id, socket: await connected, events, pages };
}

async function ended(id: { pid: number; startTicks: string }): Promise<void> {
  for (let tries = 0; isAlive(id) && tries < 1000; tries++) await sleep(10);
  assert.not(isAlive(id), 'it was ended');
}

const NONSENSE = {
  'no JSON': 'hello\n',
  'no object': 'null\n',
  'an event without its figures': '{"event":"progress","stats":{"pagesDone":"all"}}\n',
  'a line without an end': 'x'.repeat(2 ** 20 + 1),
};
for (const [what, text] of Object.entries(NONSENSE)) {
  test(`a page server that says ${what} is ended with one error, and the agent lives on`, async () => {
    const { id, socket, events } = await imposter(what.replaceAll(' ', '-'));
    socket.write(text);
    await ended(id);
    for (let tries = 0; !events.some(e => e.event === 'exit') && tries < 1000; tries++) await sleep(10);
    const errors = events.filter(e => e.event === 'error');
    assert.is(errors.length, 1);
    assert.match(String((errors[0] as { message: string }).message), 'does not speak as a page server');
  });
}

test('an event that only a newer page server knows is passed over', async () => {
  const { id, socket, events } = await imposter('newer');
  socket.write('{"event":"rebalanced"}\n{"event":"peer","up":true,"detail":"","more":1}\n');
  for (let tries = 0; events.length === 0 && tries < 1000; tries++) await sleep(10);
  assert.equal(events, [{ event: 'peer', up: true, detail: '' }]);
  assert.ok(isAlive(id));
});

test('figures are counts and pages are page numbers', () => {
  const counts = { wireBytes: 1, dataBytes: 2, streamBytes: 3, dataPages: 4, pagesDone: 5, zeroFaults: 6 };
  const faults = { count: 1, p50Us: 2, p99Us: 3, maxUs: 4 };
  const stats = { ...counts, reconnects: 0, cpuMs: 7, faults, deviceLoadPages: [0, 9] };
  assert.equal(decodeEvent({ event: 'complete', stats: { ...stats, newer: 1 } }), {
    event: 'complete',
    stats,
  });
  for (const wrong of [
    { pagesDone: -1 },
    { faults: null },
    { deviceLoadPages: [1.5] },
    { cpuMs: Number.NaN },
  ])
    assert.throws(() => decodeEvent({ event: 'complete', stats: { ...stats, ...wrong } }), /without its/);
});

test.run();
