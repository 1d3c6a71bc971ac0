import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startTicks } from '../vmm/processes.ts';
import { createPageServers } from './client.ts';
import type { PageServers, SessionFile } from './types.ts';

const command = fileURLToPath(new URL('../../../native/target/release/shoal-pages', import.meta.url));
const runDir = mkdtempSync(join(tmpdir(), 'shoal-pages-'));
test.after(() => rmSync(runDir, { recursive: true }));

test('a restarted agent keeps the sessions of its handoffs, keys and all, and removes those of lost offers', async () => {
  const servers = createPageServers({ runDir, command, runAs: undefined, guests: [] });
  await servers.keepOnly([]);
  const [kept, lost] = ['aaaaaaaa-1111-4111-8111-111111111111', 'bbbbbbbb-1111-4111-8111-111111111111'];
  const { dir } = await servers.init(kept);
  const files = readdirSync(dir);
  await servers.init(lost);
  await servers.keepOnly([kept, 'cccccccc-1111-4111-8111-111111111111']);
  assert.equal(readdirSync(join(runDir, 'h')), ['aaaaaaaa']);
  assert.equal(readdirSync(dir), files);
  assert.ok(files.length > 0 && files.every(name => existsSync(join(dir, name))));
});

function sessionOf(handoff: string, at: Awaited<ReturnType<PageServers['init']>>): SessionFile {
  const { certSha256, streamSocket, uffdSocket } = at;
  return {
    ...{ handoff, role: 'fetch', engine: 'precopy', ramFile: '', ramBytes: 0, pageBytes: 4096 },
    ...{ peerCertSha256: certSha256, host: '127.0.0.1', port: 0, streamSocket, uffdSocket },
    ...{ vmmUid: process.getuid?.() ?? 0, deviceLoadPages: [], hotBlocks: [], bulkWindowBytes: 131_072 },
    ...{ order: 'windows', compression: 'auto', bulkBytesPerSecond: 0, earlyRelease: 'off', tls: true },
  };
}

test('a page server that its agent had no time to write down is found and ended by the next one', async () => {
  const handoff = 'dddddddd-1111-4111-8111-111111111111';
  const servers = createPageServers({ runDir, command, runAs: undefined, guests: [] });
  const { pid } = await servers.start(sessionOf(handoff, await servers.init(handoff)));
  rmSync(join(runDir, 'h', 'dddddddd.pid'));
  const found = await createPageServers({ runDir, command, runAs: undefined, guests: [] }).adopt(handoff);
  assert.is(found?.pid, pid);
  const figures = await found?.stats();
  assert.equal([figures?.wireBytes, figures?.faults.count, figures?.blocked], [0, 0, []], 'it is understood');
  await found?.end();
  assert.is(startTicks(pid), undefined);
  await servers.remove(handoff);
});

test('a page server that nobody can reach is ended before another takes its place, and with its session', async () => {
  const handoff = 'eeeeeeee-1111-4111-8111-111111111111';
  const servers = createPageServers({ runDir, command, runAs: undefined, guests: [] });
  const session = sessionOf(handoff, await servers.init(handoff));
  const first = await servers.start(session);
  const second = await servers.start(session);
  assert.is(startTicks(first.pid), undefined, 'two would take the one link from each other');
  assert.ok(startTicks(second.pid));
  await servers.remove(handoff);
  assert.is(startTicks(second.pid), undefined);
});

test('a page server that ends as soon as it is started is started once a second, not in a storm', async () => {
  const handoff = 'ffffffff-1111-4111-8111-111111111111';
  const servers = createPageServers({ runDir, command, runAs: undefined, guests: [] });
  const session = { ...sessionOf(handoff, await servers.init(handoff)), pageBytes: 5000 };
  const refused = () => servers.start(session).catch((error: Error) => error.message);
  const beganMs = performance.now();
  assert.match(String(await refused()), 'only 4096 is supported');
  for (const times of [1, 2]) {
    assert.match(String(await refused()), 'only 4096 is supported');
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs > times * 900, `${times} more in ${tookMs} ms`);
  }
  await servers.remove(handoff);
});

test('a page server of a target shares the cores with the guests, one of a source with its agent', async () => {
  const group = join(runDir, 'guests');
  mkdirSync(group);
  const servers = createPageServers({ runDir, command, runAs: undefined, guests: [group] });
  const [there, here] = ['11111111-1111-4111-8111-111111111111', '22222222-1111-4111-8111-111111111111'];
  const fetch = await servers.start(sessionOf(there, await servers.init(there)));
  const members = () => readFileSync(join(group, 'cgroup.procs'), 'utf8');
  assert.is(members(), String(fetch.pid));
  const serve = await servers.start({ ...sessionOf(here, await servers.init(here)), role: 'serve' });
  assert.is(members(), String(fetch.pid), `${serve.pid} stays where it is`);
  for (const handoff of [there, here]) await servers.remove(handoff);
});

test.run();
