import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BadLine } from '../json-lines.ts';
import { isAlive, startTicks } from '../vmm/processes.ts';
import { ControlledPageServer } from './control.ts';
import { decodeEvent, decodeFrozen } from './decode.ts';
import { FAULT_BOUNDS_US, type PageServerEvent } from './types.ts';

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

const COUNTS = {
  ...{ wireBytes: 1, urgentBytes: 2, bulkBytes: 3, bytesPerSecond: 4, bulkWindowBytes: 5, samples: 6 },
  ...{ packedFromBytes: 8, packedBytes: 4, packedExtents: 1 },
  ...{ dataBytes: 2, streamBytes: 3, dataPages: 4, pagesDone: 5, zeroFaults: 6, reconnects: 0, cpuMs: 7 },
};
const buckets = FAULT_BOUNDS_US.map((_, i) => i % 2).concat(2);
const FAULTS = { count: 11, sumUs: 9000, p50Us: 2, p99Us: 3, maxUs: 4, buckets };
const BLOCKED = [{ thread: 'CPU 0/KVM', us: 9000, faults: 11 }];
const STATS = { ...COUNTS, faults: FAULTS, blocked: BLOCKED, deviceLoadPages: [0, 9] };
const SAID = { ...STATS, faults: { ...FAULTS, boundsUs: FAULT_BOUNDS_US } };

test('figures of a page server are taken as they are, and what only a newer one says is passed over', () => {
  const event = { event: 'complete', stats: { ...SAID, newer: 1 } };
  assert.equal(decodeEvent(event), { event: 'complete', stats: STATS });
});

const faults = SAID.faults;
const WRONG: [Record<string, unknown>, RegExp][] = [
  [{ pagesDone: -1 }, /^stats\.pagesDone is not a count$/],
  [{ cpuMs: Number.NaN }, /^stats\.cpuMs /],
  [{ urgentBytes: undefined }, /^stats\.urgentBytes /],
  [{ deviceLoadPages: [1.5] }, /^stats\.deviceLoadPages is not page numbers$/],
  [{ faults: null }, /^stats\.faults is not an object$/],
  [{ faults: { ...faults, sumUs: '1' } }, /^stats\.faults\.sumUs /],
  [{ faults: { ...faults, count: 12 } }, /^stats\.faults\.buckets is not 19 counts that add up$/],
  [{ faults: { ...faults, buckets: buckets.slice(1) } }, /^stats\.faults\.buckets /],
  [{ faults: { ...faults, boundsUs: [...FAULT_BOUNDS_US.slice(1), 1] } }, /^stats\.faults\.boundsUs /],
  [{ blocked: {} }, /^stats\.blocked is not a list of threads$/],
  [{ blocked: Array(513).fill(BLOCKED[0]) }, /^stats\.blocked /],
  [{ blocked: [{ thread: 'x'.repeat(65), us: 1, faults: 1 }] }, /^stats\.blocked\.thread is not a name$/],
  [{ blocked: [{ thread: 'CPU 0/KVM', us: 1 }] }, /^stats\.blocked\.faults is not a count$/],
];
for (const [wrong, told] of WRONG) {
  test(`figures of a page server with ${JSON.stringify(wrong).slice(0, 70)} are refused with the field at fault`, () => {
    assert.throws(
      () => decodeEvent({ event: 'progress', stats: { ...SAID, ...wrong } }),
      (error: Error) => error instanceof BadLine && told.test(error.message),
    );
  });
}

test('what a source froze, and whether it saw the guest write, are counts and a flag or nothing', () => {
  const frozen = { dataBytes: 4096, extents: 1, hotBlocks: 2, writtenPages: 40 };
  assert.equal(decodeFrozen({ id: 2, ok: true, ...frozen }), frozen);
  assert.throws(() => decodeFrozen({ ...frozen, hotBlocks: null }), /^freeze\.hotBlocks is not a count$/);
  const watch = { event: 'watch', on: false, detail: 'the kernel has no PAGEMAP_SCAN' };
  assert.equal(decodeEvent(watch), watch);
  assert.throws(() => decodeEvent({ ...watch, on: 1 }), /^watch without its fields$/);
});

test('an answer that is none fails its one request and says which figure is wrong', async () => {
  const { id, socket, pages } = await imposter('no-figures');
  const refused = pages.stats().catch((error: Error) => error.message);
  socket.write(`${JSON.stringify({ id: 1, ok: true, stats: { ...SAID, bulkBytes: 'all' } })}\n`);
  assert.match(String(await refused), 'the page server: stats.bulkBytes is not a count');
  assert.ok(isAlive(id), 'nothing is ended for that');
});

test.run();
