import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Records } from './records.ts';
import { type Database, openDatabase } from './store.ts';

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
  const since = async (ms: number) => {
    const rows = [];
    for await (const row of records.since(ms)) rows.push(row);
    return rows;
  };
  assert.equal(await since(wallMs), [{ atMs: wallMs, row: 'c' }]);
  wallMs += 100_000;
  await records.add('d');
  assert.equal(await records.last(9), ['d', 'c'], 'a and b are older than the retention');
  await db.close();
  rmSync(dir, { recursive: true });
});

test('a thousand rows are read a page at a time, and one of them is found from the newest on', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-records-'));
  const db = await openDatabase(dir);
  const read: number[] = [];
  const counting: Database = {
    ...{ get: db.get.bind(db), put: db.put.bind(db), delete: db.delete.bind(db), close: db.close.bind(db) },
    dropBefore: db.dropBefore.bind(db),
    async range(shelf, range) {
      const rows = await db.range(shelf, range);
      read.push(rows.length);
      return rows;
    },
  };
  const records = new Records<number>(counting, 'ended', 1e9, { nowMs: () => 0, wallMs: () => 5_000 });
  for (let i = 0; i < 1000; i++) await records.add(i);
  assert.is(await records.newest(row => row === 998), 998);
  assert.is(read.length, 1);
  assert.is(await records.newest(row => row < 2), 1, 'the newer of two that are so');
  assert.is(await records.newest(row => row < 0), undefined);
  const all: number[] = [];
  for await (const { row } of records.since(0)) all.push(row);
  assert.equal(
    all,
    Array.from({ length: 1000 }, (_, i) => i),
  );
  assert.ok(Math.max(...read) <= 100, `${Math.max(...read)} rows at once`);
  await db.close();
  rmSync(dir, { recursive: true });
});

test.run();
