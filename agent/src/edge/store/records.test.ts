import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Records } from './records.ts';
import { openDatabase } from './store.ts';

test('rows come back newest first, two of one millisecond both, and those past their time are dropped', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-records-'));
  const db = await openDatabase(dir);
  let wallMs = 1_000_000;
  const records = new Records<string>(db, 'decision', 100_000, { nowMs: () => 0, wallMs: () => wallMs });
  await records.add('a');
  await records.add('b');
  wallMs += 1;
  await records.add('c');
  assert.equal(await records.last(9), ['c', 'b', 'a']);
  assert.equal(await records.since(wallMs, 9), [{ atMs: wallMs, row: 'c' }]);
  wallMs += 100_000;
  await records.add('d');
  assert.equal(await records.last(9), ['d', 'c'], 'a and b are older than the retention');
  await db.close();
  rmSync(dir, { recursive: true });
});

test.run();
