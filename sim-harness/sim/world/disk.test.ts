import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase, Shelf, timeKey } from '@shoal/agent/edge/store/store';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Disk, diskDatabase, type WriteFate } from './disk.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-disk-'));
test.after(() => rmSync(dir, { recursive: true }));

const call = async <T>(_what: string, work: () => T): Promise<T> => work();
const simulated = (disk: Disk, fate: () => WriteFate = () => 'ok') =>
  diskDatabase(disk, call, fate, () => undefined);

/** A place for a database that can be opened again. */
const PLACES: Record<string, () => () => Promise<Database>> = {
  real: () => {
    const place = mkdtempSync(join(dir, 'real-'));
    return () => openDatabase(place);
  },
  simulated: () => {
    const disk = new Disk(() => true);
    return async () => {
      disk.reopen();
      return simulated(disk);
    };
  },
};

for (const [kind, place] of Object.entries(PLACES)) {
  test(`the ${kind} database gives back what was put, shelf by shelf, and nothing where nothing was put`, async () => {
    const open = place();
    let db = await open();
    const [a, b] = [new Shelf<object>(db, 'a'), new Shelf<object>(db, 'b')];
    await a.putSynced('k', { n: 1, none: undefined, list: ['x'] });
    await b.put('k', { n: 2 });
    await a.put('k2', { n: 3 });
    await a.put('k', { n: 4 });
    assert.equal(await a.get('k'), { n: 4 });
    assert.equal(await b.get('k'), { n: 2 });
    assert.is(await b.get('k2'), undefined);
    await db.close();
    db = await open();
    assert.equal(await new Shelf(db, 'a').all(), [
      ['k', { n: 4 }],
      ['k2', { n: 3 }],
    ]);
    await new Shelf(db, 'a').delete('k');
    await new Shelf(db, 'a').delete('never there');
    assert.equal(await new Shelf(db, 'a').all(), [['k2', { n: 3 }]]);
    await db.close();
  });

  test(`the ${kind} database drops what JSON drops, and what is read is a copy`, async () => {
    const db = await place()();
    const shelf = new Shelf<{ n: number; gone?: undefined }>(db, 'a');
    const value = { n: 1, gone: undefined };
    await shelf.putSynced('k', value);
    value.n = 2;
    const read = await shelf.get('k');
    assert.equal(Object.entries(read ?? {}), [['n', 1]]);
    if (read) read.n = 3;
    assert.is((await shelf.get('k'))?.n, 1);
    await db.close();
  });

  test(`the ${kind} database reads by time, from a moment on or the newest first, and drops what is older`, async () => {
    const db = await place()();
    const shelf = new Shelf<number>(db, 'history');
    for (const ms of [100, 9, 10, 1000]) await shelf.put(timeKey(ms), ms);
    const values = async (from: number, limit: number) =>
      (await shelf.since(timeKey(from), limit)).map(([, v]) => v);
    assert.equal(await values(10, 10), [10, 100, 1000]);
    assert.equal(await values(0, 2), [9, 10]);
    assert.equal(await shelf.last(2), [1000, 100]);
    await shelf.dropBefore(timeKey(100));
    assert.equal(await values(0, 10), [100, 1000]);
    await db.close();
  });
}

test('what was put and not synced may be gone after a power failure, what was synced is not', async () => {
  const disk = new Disk(() => true);
  const shelf = new Shelf<number>(simulated(disk), 's');
  await shelf.put('before', 1);
  await shelf.putSynced('synced', 2);
  await shelf.put('after', 3);
  await shelf.put('last', 4);
  assert.equal(disk.powerCut(0.5), { lost: 1 });
  assert.equal(await shelf.all(), [
    ['after', 3],
    ['before', 1],
    ['synced', 2],
  ]);
});

test('a write that failed may be there or not, and nobody is told that it is', async () => {
  for (const [fate, seen, durable] of [
    ['failed', undefined, undefined],
    ['hidden', 2, undefined],
    ['kept', 2, 2],
  ] as const) {
    const disk = new Disk(() => true);
    let now: WriteFate = 'ok';
    const shelf = new Shelf<number>(
      simulated(disk, () => now),
      's',
    );
    await shelf.putSynced('k', 1);
    now = fate;
    const told = await shelf.putSynced('k', 2).then(
      () => 'done',
      () => 'failed',
    );
    assert.is(told, 'failed');
    disk.reopen();
    assert.is(await shelf.get('k'), seen ?? 1, `${fate}, read again`);
    disk.powerCut(0);
    assert.is(await shelf.get('k'), durable ?? 1, `${fate}, after a power failure`);
  }
});

test.run();
