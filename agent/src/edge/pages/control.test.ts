import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BadLine } from '../json-lines.ts';
import { isAlive } from '../vmm/processes.ts';
import { decodeEvent, decodeFrozen } from './decode.ts';
import { imposters } from './test-imposter.ts';
import { FAULT_BOUNDS_US } from './types.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-control-'));
const { imposter, end } = imposters(dir);
test.after(() => {
  end();
  rmSync(dir, { recursive: true, force: true });
});

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

test('a page server that closes its control connection and lives on is told as gone, and can still be ended', async () => {
  const { id, socket, events, pages } = await imposter('mute');
  const asked = pages.stats().catch((error: Error) => error.message);
  socket.destroy();
  assert.match(String(await asked), 'the page server: it ended');
  assert.is(events.at(-1)?.event, 'exit');
  assert.ok(isAlive(id), 'whoever asks next finds it again');
  await pages.end();
  assert.not(isAlive(id));
});

test('a memory that is frozen already is no error, and any other refusal is', async () => {
  const { socket, pages } = await imposter('frozen');
  const refuse = (id: number, code: string) =>
    socket.write(`${JSON.stringify({ id, ok: false, code, message: 'why' })}\n`);
  const [again, failed] = [pages.freeze(), pages.freeze().catch((error: Error) => error.message)];
  refuse(1, 'frozen');
  refuse(2, 'ram');
  assert.is(await again, undefined);
  assert.is(await failed, 'the page server: ram: why');
});

test('an event that only a newer page server knows is passed over', async () => {
  const { id, socket, events } = await imposter('newer');
  socket.write('{"event":"rebalanced"}\n{"event":"peer","up":true,"detail":"","more":1}\n');
  for (let tries = 0; events.length === 0 && tries < 1000; tries++) await sleep(10);
  assert.equal(events, [{ event: 'peer', up: true, detail: '' }]);
  assert.ok(isAlive(id));
});

const COUNTS = {
  ...{ wireBytes: 1, urgentBytes: 2, bulkBytes: 3, bytesPerSecond: 4, bulkWindowBytes: 5, samples: 6 },
  ...{ packedFromBytes: 8, packedBytes: 4, packedExtents: 1, releasedBytes: 0 },
  ...{ dataBytes: 2, streamBytes: 3, dataPages: 4, pagesDone: 5, zeroFaults: 6, reconnects: 0, cpuMs: 7 },
};
const buckets = FAULT_BOUNDS_US.map((_, i) => i % 2).concat(2);
const FAULTS = { count: 11, sumUs: 9000, p50Us: 2, p99Us: 3, maxUs: 4, buckets };
const BLOCKED = [{ thread: 'CPU 0/KVM', us: 9000, faults: 11 }];
const LISTS = { blocked: BLOCKED, deviceLoadPages: [0, 9], faultedBlocks: [7, 0] };
const STATS = { ...COUNTS, faults: FAULTS, ...LISTS };
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
  [{ faultedBlocks: undefined }, /^stats\.faultedBlocks is not block numbers$/],
  [{ faultedBlocks: Array(257).fill(0) }, /^stats\.faultedBlocks is not block numbers$/],
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
