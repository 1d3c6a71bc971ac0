import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RETURN_SPAN_MS } from '../../core/vm/backoff.ts';
import { type Database, openDatabase } from '../store/store.ts';
import { vmShelves } from './record.ts';

let dir: string;
let db: Database;
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-departures-'));
  db = await openDatabase(dir);
});
test.after.each(async () => {
  await db.close();
  rmSync(dir, { recursive: true });
});

const kept = async () => (await db.range('left', {})).map(([vm]) => vm);

test('a node that VMs come to and leave for years keeps only those departures that a return still counts by', async () => {
  const { departures } = vmShelves(db);
  const everyMs = RETURN_SPAN_MS / 4;
  for (let i = 0; i < 200; i++) await departures.note(`vm${i}`, i * everyMs);
  assert.equal(await kept(), ['vm196', 'vm197', 'vm198', 'vm199']);
  assert.is(await departures.leftAtMs('vm196'), 196 * everyMs, 'a return of it is still ping-pong');
  assert.is(await departures.leftAtMs('vm195'), undefined);
});

test('what was kept before anything was dropped goes little by little, and the last departure of a VM counts', async () => {
  for (let i = 0; i < 20; i++) await db.put('left', `old${i}`, { leftAtMs: i }, false);
  const { departures } = vmShelves(db);
  const nowMs = 10 * RETURN_SPAN_MS;
  for (let i = 0; i < 3; i++) await departures.note('vm', nowMs + i);
  assert.equal(await kept(), ['vm']);
  assert.is(await departures.leftAtMs('vm'), nowMs + 2);
});

test('departures of a time that is ahead, since the clock was set back, do not stay until then', async () => {
  const { departures } = vmShelves(db);
  const yearMs = 365 * 86_400_000;
  await departures.note('ahead', yearMs);
  await departures.note('vm', 0);
  assert.equal(await kept(), ['vm']);
});

test.run();
