import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPageServers } from './client.ts';

const command = fileURLToPath(new URL('../../../native/target/release/shoal-pages', import.meta.url));
const runDir = mkdtempSync(join(tmpdir(), 'shoal-pages-'));
test.after(() => rmSync(runDir, { recursive: true }));

test('a restarted agent keeps the sessions of its handoffs, keys and all, and removes those of lost offers', async () => {
  const servers = createPageServers({ runDir, command, runAs: undefined, cgroups: [] });
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

test.run();
