import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nextIncarnation, openDatabase, Shelf, timeKey } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-store-'));
test.after(() => rmSync(dir, { recursive: true }));

test('an agent that starts again has a higher incarnation and finds what it wrote', async () => {
  let db = await openDatabase(dir);
  assert.is(await nextIncarnation(db), 1);
  await new Shelf<{ n: number }>(db, 'vm').putSynced('v', { n: 1 });
  await db.close();
  db = await openDatabase(dir);
  assert.is(await nextIncarnation(db), 2);
  assert.equal(await new Shelf<{ n: number }>(db, 'vm').get('v'), { n: 1 });
  await db.close();
});

test('two agents on one state directory get one clear error', async () => {
  const db = await openDatabase(dir);
  try {
    await openDatabase(dir);
    assert.unreachable('the second agent opened it too');
  } catch (error) {
    assert.match((error as Error).message, /another agent already uses/);
  }
  await db.close();
});

test('a database that is asked and written for days takes no more memory for it', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const db = await openDatabase(mkdtempSync(join(dir, 'long-')));
  const shelf = new Shelf<number>(db, 'history');
  const heapAfter = async (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      await shelf.put('row', i);
      await shelf.get('row');
      await shelf.last(1);
    }
    gc();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(500);
  const grown = (await heapAfter(3000)) - before;
  assert.ok(grown < 2 ** 22, `${Math.round(grown / 1024)} KiB for 9000 operations`);
  await db.close();
});

test('a database that does not open says why', async () => {
  const broken = mkdtempSync(join(tmpdir(), 'shoal-store-'));
  mkdirSync(join(broken, 'db'));
  writeFileSync(join(broken, 'db', 'CURRENT'), 'no newline');
  try {
    await openDatabase(broken);
    assert.unreachable('it opened');
  } catch (error) {
    assert.match((error as Error).message, /does not open: Corruption: CURRENT/);
  }
  rmSync(broken, { recursive: true });
});

test('history is read from a moment on, newest decisions come first, and old entries can be dropped', async () => {
  const db = await openDatabase(dir);
  const shelf = new Shelf<number>(db, 'history');
  for (const ms of [9, 10, 100]) await shelf.put(timeKey(ms), ms);
  assert.equal(
    (await shelf.since(timeKey(10), 10)).map(([, v]) => v),
    [10, 100],
  );
  assert.equal(await shelf.last(2), [100, 10]);
  await shelf.dropBefore(timeKey(100));
  assert.equal(await shelf.all(), [[timeKey(100), 100]]);
  await shelf.delete(timeKey(100));
  assert.equal(await shelf.all(), []);
  await db.close();
});

test.run();
