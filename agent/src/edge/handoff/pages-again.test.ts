import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { createPageServers } from '../pages/client.ts';
import type { EarlyRelease, PageServer, PageServerEvent, PageServers, SessionFile } from '../pages/types.ts';
import type { JournalEntry } from './journal.ts';
import { Pages } from './pages.ts';
import { log } from './test-node.ts';
import { Timeline } from './timeline.ts';

const command = fileURLToPath(new URL('../../../native/target/release/shoal-pages', import.meta.url));
const runDir = mkdtempSync(join(tmpdir(), 'shoal-again-'));
const handoff = 'aaaaaaaa-1111-4111-8111-111111111111';
const real = createPageServers({ runDir, command, runAs: undefined, guests: [] });

// Also of a test that fails: they are processes of their own.
test.after.each(async () => {
  await (await real.adopt(handoff))?.end();
});
test.after(() => rmSync(runDir, { recursive: true }));

/** The page server of a source whose memory is three pages; nobody listens where it connects. */
async function serving(earlyRelease: EarlyRelease) {
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
    ...{ role: 'serve', peerCertSha256: certSha256, host: '127.0.0.1', port: 1 },
    ...{ ramFile, ramBytes: 3 * 4096, deviceLoadPages: [], hotBlocks: [], vmmUid: process.getuid?.() ?? 0 },
    ...{ order: 'windows' as const, compression: 'off' as const },
    ...{ bulkWindowBytes: 131_072, bulkBytesPerSecond: 0, earlyRelease },
  });
  await pages.freeze();
  const kill = async () => {
    const died = new Promise<void>(resolve => {
      gone = resolve;
    });
    process.kill(started.at(-1)?.pid as number, 'SIGKILL');
    await died;
  };
  return { pages, started, kill, entry, servers };
}

test('a page server of the source that was killed is told again that the memory stands', async () => {
  const { pages, started, kill } = await serving('off');
  await kill();
  await pages.again();
  assert.is(started.length, 2);
  assert.is((await started[1]?.stats())?.dataPages, 3);
  await pages.again();
  assert.is(started.length, 2, 'told twice it is as it was');
  await pages.end();
});

const UNTOLD: [string, (scene: Awaited<ReturnType<typeof serving>>) => Promise<Pages>][] = [
  [
    'did start, but was taken for one that did not',
    async ({ pages, servers }) => {
      const { start } = servers;
      servers.start = async session => {
        await start(session);
        servers.start = start;
        throw new Error('cgroup.procs: no such device');
      };
      await pages.again().catch(() => undefined);
      return pages;
    },
  ],
  [
    'answered the word with an error',
    async ({ pages, servers }) => {
      const { start } = servers;
      servers.start = async session => {
        const server = await start(session);
        const freeze = server.freeze.bind(server);
        server.freeze = async () => {
          server.freeze = freeze;
          throw new Error('ram: the target lacks pages');
        };
        return server;
      };
      await pages.again().catch(() => undefined);
      return pages;
    },
  ],
  [
    'lost its agent before the word came',
    async ({ entry, servers }) => {
      await servers.start(entry.session as SessionFile);
      // What a later life reads from the journal.
      return new Pages(
        JSON.parse(JSON.stringify(entry)),
        { pageServers: servers, log, clock },
        new Timeline(),
        {
          ...{
            up: () => undefined,
            complete: () => undefined,
            progress: () => undefined,
            gone: () => undefined,
          },
        },
      );
    },
  ],
];
for (const [what, leave] of UNTOLD)
  test(`a page server of the source that was started again and ${what} is told with the next look that the memory stands`, async () => {
    const scene = await serving('off');
    await scene.kill();
    const pages = await leave(scene);
    const server = scene.started[1];
    assert.is((await server?.stats())?.dataPages, 0, 'not yet');
    await pages.again();
    assert.is(scene.started.length, 2, 'no third one');
    assert.is((await server?.stats())?.dataPages, 3);
    await pages.end();
  });

test('under warm the memory goes ahead over the first link and never once the guest stands', async () => {
  for (const life of ['the same', 'a later'] as const) {
    const asked: string[] = [];
    let tell: (event: PageServerEvent) => void = () => undefined;
    const server = {
      on: (listener: typeof tell) => {
        tell = listener;
        if (life === 'a later') tell({ event: 'peer', up: true, detail: '' });
      },
      warm: async () => asked.push('warm'),
      freeze: async () => asked.push('freeze'),
    } as unknown as PageServer;
    const servers = {
      init: async () => ({ certSha256: '', streamSocket: '', uffdSocket: '' }),
      start: async () => server,
      adopt: async () => server,
    } as unknown as PageServers;
    const entry = {
      ...{ handoff, role: 'source', peer: 'peer', bootId: 'boot', session: undefined },
      offer: { engine: 'warm', spec: { name: 'web1' } } as Offer,
    } as Omit<JournalEntry, 'record' | 'seq'>;
    const pages = new Pages(entry, { pageServers: servers, log, clock }, new Timeline(), {
      ...{ up: () => undefined, complete: () => undefined, progress: () => undefined, gone: () => undefined },
    });
    if (life === 'a later') {
      await pages.again();
      assert.equal(asked, ['freeze']);
      continue;
    }
    await pages.init();
    await pages.start({ role: 'serve' } as Parameters<Pages['start']>[0]);
    tell({ event: 'peer', up: true, detail: '' });
    await pages.freeze();
    tell({ event: 'peer', up: false, detail: 'reset' });
    tell({ event: 'peer', up: true, detail: '' });
    assert.equal(asked, ['warm', 'freeze']);
  }
});

for (const earlyRelease of ['off', 'on'] as const)
  test(`a source whose handoff was begun with early release ${earlyRelease} ${earlyRelease === 'on' ? 'may give' : 'gives no'} memory back once it is told`, async () => {
    const { pages, started, kill } = await serving(earlyRelease);
    const noted = () => existsSync(join(runDir, 'h', handoff.slice(0, 8), 'given'));
    assert.not(noted());
    await pages.release();
    assert.is(noted(), earlyRelease === 'on', 'what goes will be written down');
    await kill();
    await pages.again();
    await pages.release();
    assert.is((await started[1]?.stats())?.dataPages, 3);
    await pages.end();
  });

test.run();
