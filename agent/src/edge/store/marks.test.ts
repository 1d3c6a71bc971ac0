import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { Marks } from './marks.ts';
import { openDatabase } from './store.ts';

test('marks outlive a restart, and are not written for every report', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-marks-'));
  let nowMs = 0;
  const timed = { ...clock, nowMs: () => nowMs };
  const heard = (seq: number) => new Map([['b', { incarnation: 2, seq }]]);
  let db = await openDatabase(dir);
  const marks = new Marks(db, timed);
  assert.equal(await marks.read(), []);
  await marks.keep(heard(1));
  nowMs = 4999;
  await marks.keep(heard(2));
  assert.equal(await marks.read(), [['b', { incarnation: 2, seq: 1 }]]);
  nowMs = 5000;
  await marks.keep(heard(3));
  await db.close();
  db = await openDatabase(dir);
  assert.equal(await new Marks(db, timed).read(), [['b', { incarnation: 2, seq: 3 }]]);
  await db.close();
  rmSync(dir, { recursive: true });
});

test.run();
