import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { createPageServers } from '../pages/client.ts';
import { imposters } from '../pages/test-imposter.ts';
import { FAULT_BOUNDS_US, type PageServer, type PageServers, type SessionFile } from '../pages/types.ts';
import type { JournalEntry } from './journal.ts';
import { Pages } from './pages.ts';
import { log } from './test-node.ts';
import { Timeline } from './timeline.ts';

const command = fileURLToPath(new URL('../../../native/target/release/shoal-pages', import.meta.url));
const runDir = mkdtempSync(join(tmpdir(), 'shoal-pages-'));
const handoff = 'aaaaaaaa-1111-4111-8111-111111111111';
const real = createPageServers({ runDir, command, runAs: undefined, guests: [] });
const { imposter, end: endImposters } = imposters(runDir);

// Also of a test that fails: they are processes of their own.
test.after.each(async () => {
  endImposters();
  await (await real.adopt(handoff))?.end();
});
test.after(() => rmSync(runDir, { recursive: true }));

test('a page server of the target that was killed listens again where the source looks for it, in a later life of the agent too', async () => {
  let started: PageServer | undefined;
  const servers: PageServers = {
    ...real,
    start: async session => {
      started = await real.start(session);
      return started;
    },
  };
  const entry: Omit<JournalEntry, 'record' | 'seq'> = {
    ...{ handoff, role: 'target', peer: 'peer', bootId: 'boot', session: undefined },
    offer: { engine: 'precopy', spec: { name: 'web1' } } as Offer,
  };
  let gone = (): void => undefined;
  const listener = {
    ...{ up: () => undefined, complete: () => undefined, progress: () => undefined },
    gone: () => gone(),
  };
  const pages = new Pages(entry, { pageServers: servers, log, clock }, new Timeline(), listener);
  const certSha256 = await pages.init();
  const wants = {
    ...{ role: 'fetch' as const, peerCertSha256: certSha256, host: '127.0.0.1', port: 0 },
    ...{ ramFile: '', ramBytes: 0, deviceLoadPages: [], hotBlocks: [], vmmUid: process.getuid?.() ?? 0 },
    ...{ order: 'windows' as const, compression: 'off' as const },
    ...{ bulkWindowBytes: 131_072, bulkBytesPerSecond: 0, earlyRelease: 'off' as const },
  };
  await pages.start(wants);
  const first = await pages.listening();
  const died = new Promise<void>(resolve => {
    gone = resolve;
  });
  process.kill(started?.pid as number, 'SIGKILL');
  await died;
  // What a later life reads from the journal.
  const read = JSON.parse(JSON.stringify(entry)) as typeof entry;
  for (const life of [
    pages,
    new Pages(read, { pageServers: servers, log, clock }, new Timeline(), listener),
  ]) {
    await life.again();
    assert.equal(await life.listening(), first);
    await started?.end();
  }
  await pages.end();
});

test('a page server of the source that was started before its target listens is told where, and stays the same one', async () => {
  const sessions: SessionFile[] = [];
  const servers: PageServers = {
    ...real,
    start: session => {
      sessions.push(session);
      return real.start(session);
    },
  };
  const entry: Omit<JournalEntry, 'record' | 'seq'> = {
    ...{ handoff, role: 'source', peer: 'peer', bootId: 'boot', session: undefined },
    offer: { engine: 'postcopy', spec: { name: 'web1' } } as Offer,
  };
  const why: string[] = [];
  const pages = new Pages(entry, { pageServers: servers, log, clock }, new Timeline(), {
    ...{ up: () => undefined, complete: () => undefined, progress: () => undefined },
    gone: text => why.push(text),
  });
  const ramFile = join(runDir, 'early.ram');
  writeFileSync(ramFile, Buffer.alloc(3 * 4096, 1));
  const certSha256 = await pages.init();
  const wants = (port: number, peerCertSha256: string) => ({
    ...{ role: 'serve' as const, peerCertSha256, host: '127.0.0.1', port },
    ...{ ramFile, ramBytes: 3 * 4096, deviceLoadPages: [], hotBlocks: [], vmmUid: process.getuid?.() ?? 0 },
    ...{ order: 'hot' as const, compression: 'off' as const },
    ...{ bulkWindowBytes: 131_072, bulkBytesPerSecond: 0, earlyRelease: 'off' as const },
  });
  pages.startEarly(wants(0, '0'.repeat(64)));
  await pages.start(wants(1, certSha256));
  assert.equal(
    sessions.map(s => s.port),
    [0],
    'no second one',
  );
  assert.is(entry.session?.port, 1);
  await pages.freeze();
  assert.equal(why, []);
  await pages.end();
  // What is ended while it starts leaves nothing behind.
  await pages.init();
  pages.startEarly(wants(0, '0'.repeat(64)));
  await pages.end();
  assert.is(await real.adopt(handoff), undefined);
});

test('what page servers say of themselves goes to the log of the agent, and the figures of one go on with the next', async () => {
  const lives = [await imposter('first'), await imposter('second')];
  let next = 0;
  const servers = {
    init: async () => ({ certSha256: '', dir: runDir, streamSocket: '', uffdSocket: '' }),
    start: async () => lives[next++]?.pages,
    adopt: async () => undefined,
    remove: async () => undefined,
  } as unknown as PageServers;
  const lines: unknown[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    lines.push([level, message, Object.values(fields).at(-1)]);
  const noted = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const entry = {
    ...{ handoff, role: 'source', peer: 'peer', bootId: 'boot', session: undefined },
    offer: { engine: 'precopy', spec: { name: 'web1' } } as Offer,
  } as Omit<JournalEntry, 'record' | 'seq'>;
  const timeline = new Timeline();
  let told = (): void => undefined;
  const until = (): Promise<void> =>
    new Promise(resolve => {
      told = resolve;
    });
  const pages = new Pages(entry, { pageServers: servers, log: noted, clock }, timeline, {
    ...{ up: () => told(), complete: () => undefined, progress: () => told(), gone: () => told() },
  });
  await pages.init();
  await pages.start({ role: 'serve' } as Parameters<Pages['start']>[0]);
  const say = async (life: number, ...events: object[]) => {
    const heard = until();
    lives[life]?.socket.write(events.map(event => `${JSON.stringify(event)}\n`).join(''));
    await heard;
  };
  const counts = { wireBytes: 100, urgentBytes: 1, bulkBytes: 90, bytesPerSecond: 1, bulkWindowBytes: 1 };
  const packed = { packedFromBytes: 0, packedBytes: 0, packedExtents: 0, releasedBytes: 70 };
  const more = { samples: 0, dataBytes: 91, streamBytes: 0, dataPages: 9, pagesDone: 1, zeroFaults: 0 };
  const none = { count: 0, sumUs: 0, p50Us: 0, p99Us: 0, maxUs: 0 };
  const buckets = [...FAULT_BOUNDS_US.map(() => 0), 0];
  const faults = { ...none, boundsUs: FAULT_BOUNDS_US, buckets };
  const rest = { reconnects: 1, cpuMs: 3, faults, blocked: [], deviceLoadPages: [], faultedBlocks: [] };
  const progress = { event: 'progress', stats: { ...counts, ...packed, ...more, ...rest } };
  await say(
    0,
    { event: 'watch', on: false, detail: 'no PAGEMAP_SCAN' },
    { event: 'peer', up: true },
    progress,
  );
  assert.is(timeline.linkLostAtMs, -1);
  await say(0, { event: 'peer', up: false, detail: 'reset' }, progress);
  const { linkLostAtMs } = timeline;
  assert.ok(linkLostAtMs >= 0, 'lost since then');
  await say(0, { event: 'progress', stats: { ...progress.stats, pagesDone: 'all' } });
  await pages.again();
  await say(1, { event: 'peer', up: true }, progress);
  await say(1, progress);
  assert.is(timeline.linkLostAtMs, -1, 'there is a link again');
  assert.equal(
    [
      timeline.stats?.wireBytes,
      timeline.stats?.reconnects,
      timeline.stats?.releasedBytes,
      timeline.stats?.pagesDone,
    ],
    [200, 2, 140, 1],
  );
  await say(
    1,
    { event: 'complete', stats: progress.stats },
    { event: 'peer', up: false, detail: 'it ended' },
    progress,
  );
  assert.is(timeline.linkLostAtMs, -1, 'behind the last page nobody waits for a link');
  assert.equal(lines, [
    ['info', 'writes of the guest are not seen', 'no PAGEMAP_SCAN'],
    ['debug', 'the page servers lost their link', 'reset'],
    [
      'warn',
      'the page server reports an error',
      'it does not speak as a page server does: stats.pagesDone is not a count',
    ],
    ['debug', 'the page servers lost their link', 'it ended'],
  ]);
});

test.run();
