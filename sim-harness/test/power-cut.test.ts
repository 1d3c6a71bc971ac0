import { createJournal, type JournalEntry } from '@shoal/agent/edge/handoff/journal';
import { type Database, nextIncarnation, openDatabase, Shelf } from '@shoal/agent/edge/store/store';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PowerCutDisk } from '../lab/power-cut.ts';

const test = suite('power cut');

let disk: PowerCutDisk;
let db: Database;
test.before.each(async () => {
  disk = new PowerCutDisk();
  db = await openDatabase(disk.path);
});
test.after.each(async () => {
  await db.close();
  await disk.remove();
});

/** What the node finds on its disk when it comes back from a power failure of now. */
async function afterCut<T>(read: (db: Database) => Promise<T>): Promise<T> {
  const found = await openDatabase(disk.cut());
  try {
    return await read(found);
  } finally {
    await found.close();
  }
}

const entry = (record: string, seq: number): JournalEntry => ({
  handoff: 'a1b2',
  role: 'source',
  seq,
  record,
  peer: 'node1',
  offer: { handoff: 'a1b2' } as JournalEntry['offer'],
  bootId: 'boot',
  session: undefined,
});

test('every record of a handoff that a node has written is there when its power fails right after', async () => {
  const journal = createJournal(db);
  for (const [seq, record] of ['preparing', 'switching', 'committed', 'released'].entries()) {
    await journal.write(entry(record, seq));
    const [found] = await afterCut(cut => createJournal(cut).all());
    assert.is(found?.record, record);
  }
  await journal.forget('a1b2');
  assert.equal(await afterCut(cut => createJournal(cut).all()), [], 'what is forgotten does not come back');
});

test('a node never uses an incarnation twice, whenever its power fails', async () => {
  const used = await nextIncarnation(db);
  assert.is(await afterCut(nextIncarnation), used + 1);
});

test('a disk without power loses what was put there and not synced: this test can fail', async () => {
  const shelf = new Shelf<string>(db, 'history');
  await shelf.putSynced('synced', 'here');
  await shelf.put('unsynced', 'gone');
  assert.equal(await afterCut(cut => new Shelf<string>(cut, 'history').all()), [['synced', 'here']]);
  assert.is(await shelf.get('unsynced'), 'gone', 'which nobody notices while the power is there');
});

test.run();
