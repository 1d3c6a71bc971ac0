import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { createPageServers } from '../pages/client.ts';
import type { PageServer, PageServers } from '../pages/types.ts';
import type { JournalEntry } from './journal.ts';
import { Pages } from './pages.ts';
import { log } from './test-node.ts';
import { Timeline } from './timeline.ts';

const command = fileURLToPath(new URL('../../../native/target/release/shoal-pages', import.meta.url));
const runDir = mkdtempSync(join(tmpdir(), 'shoal-pages-'));
test.after(() => rmSync(runDir, { recursive: true }));

const handoff = 'aaaaaaaa-1111-4111-8111-111111111111';

test('a page server of the target that was killed listens again where the source looks for it, in a later life of the agent too', async () => {
  const real = createPageServers({ runDir, command, runAs: undefined, cgroups: [] });
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
    ...{ ramFile: '', ramBytes: 0, deviceLoadPages: [], vmmUid: process.getuid?.() ?? 0 },
    ...{ order: 'windows' as const, compression: 'off' as const },
    ...{ bulkWindowBytes: 131_072, bulkBytesPerSecond: 0 },
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

test('a page server of the source that was killed is told again that the memory stands', async () => {
  const real = createPageServers({ runDir, command, runAs: undefined, cgroups: [] });
  const started: PageServer[] = [];
  const servers: PageServers = {
    ...real,
    start: async session => {
      const server = await real.start(session);
      started.push(server);
      return server;
    },
  };
  const entry: Omit<JournalEntry, 'record' | 'seq'> = {
    ...{ handoff, role: 'source', peer: 'peer', bootId: 'boot', session: undefined },
    offer: { engine: 'postcopy', spec: { name: 'web1' } } as Offer,
  };
  let gone = (): void => undefined;
  const pages = new Pages(entry, { pageServers: servers, log, clock }, new Timeline(), {
    ...{ up: () => undefined, complete: () => undefined, progress: () => undefined },
    gone: () => gone(),
  });
  const ramFile = join(runDir, 'source.ram');
  writeFileSync(ramFile, Buffer.alloc(3 * 4096, 1));
  const certSha256 = await pages.init();
  await pages.start({
    // Nobody listens there: only what it knows of the memory is looked at.
    ...{ role: 'serve', peerCertSha256: certSha256, host: '127.0.0.1', port: 1 },
    ...{ ramFile, ramBytes: 3 * 4096, deviceLoadPages: [], vmmUid: process.getuid?.() ?? 0 },
    ...{ order: 'windows' as const, compression: 'off' as const },
    ...{ bulkWindowBytes: 131_072, bulkBytesPerSecond: 0 },
  });
  await pages.freeze();
  const died = new Promise<void>(resolve => {
    gone = resolve;
  });
  process.kill(started[0]?.pid as number, 'SIGKILL');
  await died;
  await pages.again();
  assert.is(started.length, 2);
  assert.is((await started[1]?.stats())?.dataPages, 3);
  await pages.end();
});

test.run();
