import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Marks } from './marks.ts';
import { openDatabase } from './store.ts';

test('up to where a node was heard outlives a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-marks-'));
  const heard = (seq: number) => new Map([['b', { incarnation: 2, seq }]]);
  let db = await openDatabase(dir);
  const marks = new Marks(db);
  assert.equal(await marks.read(), []);
  await marks.write(heard(1));
  await marks.write(heard(3));
  await db.close();
  db = await openDatabase(dir);
  assert.equal(await new Marks(db).read(), [['b', { incarnation: 2, seq: 3 }]]);
  await db.close();
  rmSync(dir, { recursive: true });
});

test.run();
