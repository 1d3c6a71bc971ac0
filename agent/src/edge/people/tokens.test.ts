import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openDatabase } from '../store/store.ts';
import { MemoryDatabase } from './testing.ts';
import { hashOf, mayAs, mint, parseRecordLine, proofOf, proves, recordLine } from './token.ts';
import { Tokens } from './tokens.ts';

const time = { ms: 1_000_000_000_000 };
const clock = { nowMs: () => time.ms, wallMs: () => time.ms };
const codeOf = (work: () => unknown): Promise<string> =>
  (async () => work())().then(
    () => 'no error',
    error => error.code,
  );

test('a token proves itself, no other does, and what a node stores of it proves nothing', () => {
  const { token, id, hash } = mint();
  const shown = proofOf(token)!;
  assert.is(shown.id, id);
  assert.ok(proves(shown.proof, { hash }));
  assert.not(proves(proofOf(mint().token)!.proof, { hash }));
  assert.not(proves(hash, { hash }), 'the stored hash is no proof');
  assert.not(proves(hashOf(shown.proof), { hash }));
  assert.is.not(mint().token, mint().token);
  // Its own id under another's secret is another token.
  const mixed = `shoal_${id}_${mint().token.split('_').slice(2).join('_')}`;
  assert.not(proves(proofOf(mixed)!.proof, { hash }));
});

test('what has not the form of a token is none', () => {
  const { token } = mint();
  for (const bad of [
    '',
    'x',
    token.slice(1),
    `${token}x`,
    token.toUpperCase(),
    token.replace('shoal', 'shole'),
  ])
    assert.is(proofOf(bad), undefined, bad);
});

test('each role may do what the lower ones may', () => {
  assert.equal(
    (['read', 'operate', 'admin'] as const).map(role =>
      (['read', 'operate', 'admin'] as const).map(needs => mayAs(role, needs)),
    ),
    [
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ],
  );
});

test('a record is read back as it was written, and anything else is refused', async () => {
  const record = { id: 'a'.repeat(16), name: 'ci', role: 'operate', hash: 'b'.repeat(64) } as const;
  const whole = { ...record, createdAtMs: 5, expiresAtMs: 99, revokedAtMs: 0 };
  assert.equal(parseRecordLine(recordLine(whole), 5), whole);
  for (const bad of ['', 'a.b.c', `${recordLine(whole)}!`, recordLine(whole).replace('operate', 'root')])
    assert.is(await codeOf(() => parseRecordLine(bad, 5)), 'SHOAL_TOKEN_RECORD');
});

test('tokens outlive a restart, revoked ones stay revoked, and no secret is on the disk', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-tokens-'));
  const open = async () => {
    const db = await openDatabase(dir);
    const tokens = new Tokens(db, clock);
    await tokens.open();
    return { db, tokens };
  };
  const first = await open();
  const good = await first.tokens.create('operate', 'ci', 0);
  time.ms -= 1;
  const gone = await first.tokens.create('admin', 'left', 0);
  await first.tokens.revoke('left');
  await first.db.close();
  const { db, tokens } = await open();
  assert.equal(tokens.whoHas(good.token)?.name, 'ci');
  assert.is(tokens.whoHas(gone.token), undefined);
  assert.equal(
    tokens.list().map(t => [t.name, t.state]),
    [
      ['ci', 'valid'],
      ['left', 'revoked'],
    ],
  );
  await db.close();
  const secret = good.token.slice(-43);
  const { proof } = proofOf(good.token)!;
  for (const file of readdirSync(join(dir, 'db'))) {
    const bytes = readFileSync(join(dir, 'db', file), 'latin1');
    assert.not(bytes.includes(secret) || bytes.includes(proof), file);
  }
  rmSync(dir, { recursive: true });
});

test('a token ends when its time is over, and is forgotten a month later', async () => {
  const tokens = new Tokens(new MemoryDatabase(), clock);
  const { token, id } = await tokens.create('read', '', 60_000);
  assert.is(tokens.whoHas(token)?.id, id);
  time.ms += 60_000;
  assert.is(tokens.whoHas(token), undefined);
  assert.is(tokens.list()[0]?.state, 'expired');
  time.ms += 31 * 86_400_000;
  await tokens.create('read', '', 0);
  assert.is(tokens.list().length, 1);
});

test('a token that was made elsewhere works here once its record is added, and a revoked one is not taken back', async () => {
  const [there, here] = [new Tokens(new MemoryDatabase(), clock), new Tokens(new MemoryDatabase(), clock)];
  const { token, id, record } = await there.create('operate', 'ci', 0);
  assert.is(here.whoHas(token), undefined);
  assert.equal(await here.add(record), { id });
  assert.is(here.whoHas(token)?.role, 'operate');
  await here.revoke(id);
  assert.is(await codeOf(() => here.add(record)), 'SHOAL_TOKEN_KNOWN');
  assert.is(here.whoHas(token), undefined);
  assert.is(there.whoHas(token)?.id, id, 'each node has its own list');
});

test('a name is enough to revoke where it is plain, and more tokens than a node can hold are refused', async () => {
  const tokens = new Tokens(new MemoryDatabase(), clock);
  await tokens.create('read', 'twice', 0);
  await tokens.create('read', 'twice', 0);
  assert.is(await codeOf(() => tokens.revoke('twice')), 'SHOAL_TOKEN_UNKNOWN');
  assert.is(await codeOf(() => tokens.revoke('none')), 'SHOAL_TOKEN_UNKNOWN');
  for (let i = 2; i < 256; i++) await tokens.create('read', '', 0);
  assert.is(await codeOf(() => tokens.create('read', '', 0)), 'SHOAL_TOKEN_MANY');
});

test.run();
