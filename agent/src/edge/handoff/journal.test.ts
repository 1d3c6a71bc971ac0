import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Database, openDatabase } from '../store/store.ts';
import { createJournal, type JournalEntry } from './journal.ts';

const test = suite('handoff journal');

let dir: string;
let db: Database;
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-journal-'));
  db = await openDatabase(dir);
});
test.after.each(async () => {
  await db.close();
  rmSync(dir, { recursive: true });
});

const entry = (record: string, seq: number): JournalEntry => ({
  handoff: 'a1b2',
  role: 'target',
  seq,
  record,
  peer: 'node0',
  offer: { handoff: 'a1b2' } as JournalEntry['offer'],
  bootId: 'boot',
  session: undefined,
});

/** A disk that says yes and keeps something else: each value is changed on its way down. */
function lying(real: Database, change: (entry: JournalEntry) => JournalEntry): Database {
  return new Proxy(real, {
    get(target, key) {
      if (key === 'put')
        return (shelf: string, at: string, value: JournalEntry, sync: boolean) =>
          target.put(shelf, at, change(value), sync);
      const found = Reflect.get(target, key, target);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

test('the newest record of a handoff is what a restarted agent reads', async () => {
  const journal = createJournal(db);
  await journal.write(entry('accepted', 1));
  await journal.write(entry('loading', 2));
  const found = await createJournal(db).all();
  assert.equal(
    found.map(e => [e.record, e.seq]),
    [['loading', 2]],
  );
  await journal.forget('a1b2');
  assert.equal(await journal.all(), []);
});

test('a record that does not read back as it was written is a failed write', async () => {
  const journal = createJournal(lying(db, e => ({ ...e, record: 'accepted' })));
  await journal.write(entry('accepted', 1));
  try {
    await journal.write(entry('not-run', 2));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'a1b2 reads back differently');
  }
});

test.run();
