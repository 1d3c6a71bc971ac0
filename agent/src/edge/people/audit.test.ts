import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openDatabase } from '../store/store.ts';
import { Audit } from './audit.ts';
import { MemoryDatabase } from './testing.ts';

const DAY_MS = 86_400_000;
const asking = { who: 'socket:ann', name: '', from: 'unix socket', what: 'stop', node: 'node0', request: '' };
const done = { result: 'done', code: '', detail: '' } as const;
function auditOver(db = new MemoryDatabase(), rowsMax?: number) {
  const time = { ms: 100 * DAY_MS };
  const audit = new Audit(db, { nowMs: () => time.ms, wallMs: () => time.ms }, rowsMax);
  return { audit, time, db };
}

test('a change is in the log before it is done, and its outcome after', async () => {
  const { audit } = auditOver();
  const row = await audit.begin({ ...asking, subject: 'vm1' });
  assert.equal(
    (await audit.last(9)).map(r => [r.seq, r.subject, r.result]),
    [[1, 'vm1', 'asked']],
  );
  await audit.end(row, { result: 'refused', code: 'SHOAL_VM_BUSY', detail: 'x'.repeat(5000) });
  const [ended] = await audit.last(9);
  assert.equal(
    [ended?.seq, ended?.result, ended?.code, ended?.detail.length],
    [1, 'refused', 'SHOAL_VM_BUSY', 256],
  );
});

test('rows are numbered on after a restart, on a real database', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-audit-'));
  for (const expected of [
    [2, 1],
    [4, 3, 2, 1],
  ]) {
    const db = await openDatabase(dir);
    const audit = new Audit(db, { nowMs: () => 0, wallMs: () => 1000 });
    await audit.open();
    for (const subject of ['vm1', 'vm2']) await audit.end(await audit.begin({ ...asking, subject }), done);
    assert.equal(
      (await audit.last(9)).map(r => r.seq),
      expected,
    );
    await db.close();
  }
  rmSync(dir, { recursive: true });
});

test('rows go after 90 days, and not before', async () => {
  const { audit, time } = auditOver();
  for (const days of [0, 1, 89]) {
    time.ms = (100 + days) * DAY_MS;
    await audit.begin({ ...asking, subject: `day ${days}` });
  }
  time.ms = (100 + 90.5) * DAY_MS;
  await audit.begin({ ...asking, subject: 'now' });
  assert.equal(
    (await audit.last(9)).map(r => r.subject),
    ['now', 'day 89', 'day 1'],
  );
});

test('the log never holds more rows than it may, the newest of them, also over restarts', async () => {
  const db = new MemoryDatabase();
  let most = 0;
  for (let life = 0; life < 3; life++) {
    const { audit } = auditOver(db, 300);
    await audit.open();
    for (let i = 0; i < 500; i++) {
      await audit.begin({ ...asking, subject: '' });
      most = Math.max(most, (await audit.last(1000)).length);
    }
  }
  const kept = (await auditOver(db).audit.last(1000)).map(r => r.seq);
  assert.ok(most <= 303, `${most} rows`);
  assert.ok(kept.length >= 290);
  assert.equal([kept[0], kept[0]! - kept.at(-1)!], [1500, kept.length - 1]);
});

test('a token that changes without end pushes out its own rows and nobody else’s, also over restarts', async () => {
  const db = new MemoryDatabase();
  const by = async (audit: Audit, who: string, count: number) => {
    for (let i = 0; i < count; i++)
      await audit.end(await audit.begin({ ...asking, who, subject: String(i) }), {
        ...done,
        result: 'refused',
      });
  };
  const subjects = async (audit: Audit, who: string) =>
    (await audit.last(9999)).filter(r => r.who === who).map(r => r.subject);
  const first = auditOver(db, 400).audit;
  await first.open();
  await by(first, 'socket:ann', 20);
  await by(first, 'token:good', 10);
  await by(first, 'token:stolen', 700);
  assert.equal(
    [(await subjects(first, 'socket:ann')).length, (await subjects(first, 'token:good')).length],
    [20, 10],
  );
  const stolen = await subjects(first, 'token:stolen');
  assert.equal(
    [stolen.length, stolen[0], stolen.at(-1)],
    [100, '699', '600'],
    'a quarter of the log, the newest',
  );
  const next = auditOver(db, 400).audit;
  await next.open();
  await by(next, 'token:stolen', 500);
  await Promise.all(Array.from({ length: 50 }, () => by(next, 'token:stolen', 1)));
  await by(next, 'token:stolen', 60);
  assert.equal(
    [(await subjects(next, 'socket:ann')).length, (await subjects(next, 'token:good')).length],
    [20, 10],
  );
  assert.is((await subjects(next, 'token:stolen')).length, 100);
  for (let i = 0; i < 8; i++) await by(next, `token:${i}`, 150);
  assert.ok((await next.last(9999)).length <= 404, 'and many tokens hold no more than the log may');
});

test('when the log cannot be written nothing may be done', async () => {
  const { audit, db } = auditOver();
  db.full = new Error('no space left on device');
  const error = await audit.begin({ ...asking, subject: '' }).catch(e => e);
  assert.equal(
    [error.code, error.message],
    ['SHOAL_AUDIT', 'the audit log cannot be written: no space left on device'],
  );
});

test.run();
