/** A full disk under a real database: needs a file system of its own, so root. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase, Shelf } from '@shoal/agent/edge/store/store';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fill, free } from '../chaos/faults/space.ts';
import { mount, unmount } from '../lab/space.ts';
import { before } from './help.ts';

const test = suite('full journal');
const dir = mkdtempSync(join(tmpdir(), 'shoal-full-'));
const path = join(dir, 'db');
process.on('exit', () => {
  unmount(path);
  rmSync(dir, { recursive: true });
});

const fails = async (write: Promise<void>) => {
  try {
    await write;
  } catch {
    return true;
  }
  return false;
};

let db: Database;
before(test, async () => {
  mkdirSync(path);
  mount({ path, mib: 16 });
  db = await openDatabase(dir);
});

test('records that a node writes after its disk was full are still there after its next start', async () => {
  const shelf = new Shelf<{ n: number; text: string }>(db, 'handoff');
  const text = 'x'.repeat(700);
  await shelf.putSynced('before', { n: 0, text });
  for (let round = 0; round < 3; round++) {
    fill(path);
    assert.ok(await fails(shelf.putSynced('torn', { n: round, text: text.repeat(20) })), 'there is no room');
    assert.equal((await shelf.get('before'))?.n, 0, 'what was written can be read all the time');
    free(path);
    for (let n = 0; n < 50; n++) await shelf.putSynced(`after-${round}-${n}`, { n, text });
  }
  await db.close();
  db = await openDatabase(dir);
  const found = await new Shelf<{ n: number }>(db, 'handoff').all();
  const after = found.filter(([key]) => key.startsWith('after-'));
  assert.is(after.length, 150);
  await db.close();
});

test('a write after the agent has closed its database opens nothing again', async () => {
  db = await openDatabase(dir);
  const shelf = new Shelf<number>(db, 'handoff');
  await db.close();
  assert.ok(await fails(shelf.put('late', 1)));
  assert.ok(await fails(shelf.put('later', 1)));
  const next = await openDatabase(dir);
  await next.close();
});

test.run();
