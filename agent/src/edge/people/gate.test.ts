import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../../errors.ts';
import { Buckets } from './bucket.ts';
import { testPeople } from './testing.ts';
import { mint, proofOf } from './token.ts';

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'no error';
  } catch (error) {
    return (error as ShoalError).code;
  }
};
const asked = (token: string | undefined, address = '10.0.0.1') => ({
  authorization: token && `Bearer ${token}`,
  address,
  actor: undefined,
});

test('over HTTPS a token passes whose role suffices, and none else', async () => {
  const { people } = testPeople(log);
  const { gate, tokens } = people;
  const { token, id } = await tokens.create('operate', 'ci', 0);
  const person = gate.onHttps(asked(token), 'operate');
  assert.equal([person.by, person.token?.id, person.from], ['token', id, '10.0.0.1']);
  assert.is(
    codeOf(() => gate.onHttps(asked(token), 'admin')),
    'SHOAL_HTTP_FORBIDDEN',
  );
  assert.is(
    codeOf(() => gate.onHttps(asked(undefined), 'read')),
    'SHOAL_HTTP_UNAUTHORIZED',
  );
  assert.is(
    codeOf(() => gate.onHttps(asked(mint().token), 'read')),
    'SHOAL_HTTP_UNAUTHORIZED',
  );
  assert.is(
    codeOf(() => gate.onHttps({ ...asked(token), authorization: `Basic ${token}` }, 'read')),
    'SHOAL_HTTP_UNAUTHORIZED',
  );
  await tokens.revoke(id);
  assert.is(
    codeOf(() => gate.onHttps(asked(token), 'read')),
    'SHOAL_HTTP_UNAUTHORIZED',
  );
});

test('the socket needs no token, but a wrong one is not passed over', async () => {
  const { people } = testPeople(log);
  const { gate } = people;
  const person = gate.onSocket({ ...asked(undefined), actor: 'ann' });
  assert.equal([person.by, person.actor, person.token], ['socket', 'ann', undefined]);
  assert.is(gate.onSocket({ ...asked(undefined), actor: 'a\nb' }).actor, '', 'no lines into the log');
  assert.is(
    codeOf(() => gate.onSocket(asked(mint().token))),
    'SHOAL_HTTP_UNAUTHORIZED',
  );
});

test('after ten wrong tokens an address waits, right ones included, and others do not', async () => {
  const { people, time } = testPeople(log);
  const { gate, tokens } = people;
  const { token } = await tokens.create('read', '', 0);
  for (let i = 0; i < 10; i++)
    assert.is(
      codeOf(() => gate.onHttps(asked(mint().token), 'read')),
      'SHOAL_HTTP_UNAUTHORIZED',
    );
  assert.is(
    codeOf(() => gate.onHttps(asked(token), 'read')),
    'SHOAL_HTTP_RATE',
  );
  assert.is(
    codeOf(() => gate.onHttps(asked(token, '10.0.0.2'), 'read')),
    'no error',
  );
  time.ms += 6000;
  assert.is(
    codeOf(() => gate.onHttps(asked(token), 'read')),
    'no error',
  );
});

test('whoever tries tokens from all addresses of an IPv6 network waits like from one, and other networks do not', async () => {
  const { people } = testPeople(log);
  const { gate, tokens } = people;
  const { token } = await tokens.create('read', '', 0);
  const tries = (address: string) => codeOf(() => gate.onHttps(asked(mint().token, address), 'read'));
  for (let i = 1; i <= 10; i++) assert.is(tries(`2001:db8:0:7::${i}`), 'SHOAL_HTTP_UNAUTHORIZED');
  assert.is(tries('2001:db8:0:7:a:b:c:d'), 'SHOAL_HTTP_RATE');
  const person = gate.onHttps(asked(token, '2001:db8:0:8::1'), 'read');
  assert.is(person.from, '2001:db8:0:8::1', 'the audit log has the address itself');
  for (let i = 1; i <= 10; i++) tries(`::ffff:192.0.2.${i}`);
  assert.is(tries('::ffff:192.0.2.11'), 'SHOAL_HTTP_UNAUTHORIZED', 'IPv4 behind IPv6 is no such network');
});

test('wrong tokens from thousands of networks are few lines, that say how many more there were', () => {
  const lines: { from: string; more?: number }[] = [];
  const warn = (fields: object) => void lines.push(fields as { from: string });
  const { people, time } = testPeople({ ...log, warn });
  const tries = (address: string) => codeOf(() => people.gate.onHttps(asked(mint().token, address), 'read'));
  for (let i = 0; i < 3000; i++) assert.is(tries(`2001:db8:${i.toString(16)}::1`), 'SHOAL_HTTP_UNAUTHORIZED');
  assert.is(lines.length, 64);
  time.ms += 60_000;
  tries('192.0.2.1');
  assert.equal(lines.at(-1), { event: 'token-refused', from: '192.0.2.1', more: 2936 });
  tries('192.0.2.1');
  assert.equal(lines.at(-1), { event: 'token-refused', from: '192.0.2.1' });
});

test('a peer has to show the proof, and a peer that shows wrong ones waits', async () => {
  const { people } = testPeople(log);
  const { gate, tokens } = people;
  const { token, id } = await tokens.create('operate', '', 0);
  const { proof } = proofOf(token)!;
  assert.is(gate.ofPeer(id, proof, 'peer', 'node1', 'operate').by, 'peer');
  assert.is(
    codeOf(() => gate.ofPeer(id, proof, 'peer', 'node1', 'admin')),
    'SHOAL_HTTP_FORBIDDEN',
  );
  const other = proofOf(mint().token)!.proof;
  for (let i = 0; i < 10; i++)
    assert.is(
      codeOf(() => gate.ofPeer(id, other, 'peer', 'node1', 'read')),
      'SHOAL_HTTP_UNAUTHORIZED',
    );
  assert.is(
    codeOf(() => gate.ofPeer(id, proof, 'peer', 'node1', 'read')),
    'SHOAL_HTTP_RATE',
  );
});

test('a token may change 60 things at once and then one a second; the socket is not paced', async () => {
  const { people, time } = testPeople(log);
  const { gate, tokens } = people;
  const person = gate.onHttps(asked((await tokens.create('operate', '', 0)).token), 'operate');
  for (let i = 0; i < 60; i++)
    assert.is(
      codeOf(() => gate.pace(person)),
      'no error',
    );
  assert.is(
    codeOf(() => gate.pace(person)),
    'SHOAL_HTTP_RATE',
  );
  time.ms += 1000;
  assert.is(
    codeOf(() => gate.pace(person)),
    'no error',
  );
  assert.is(
    codeOf(() => gate.pace(person)),
    'SHOAL_HTTP_RATE',
  );
  const local = gate.onSocket(asked(undefined));
  for (let i = 0; i < 100; i++)
    assert.is(
      codeOf(() => gate.pace(local)),
      'no error',
    );
});

test('what is remembered of addresses is bounded, and the last one is remembered', () => {
  const buckets = new Buckets({ burst: 1, everyMs: 1000 }, 3, { nowMs: () => 0 });
  for (const key of ['a', 'b', 'c', 'd']) buckets.take(key);
  assert.equal(
    ['a', 'b', 'c', 'd'].map(key => buckets.waitMs(key)),
    [0, 1000, 1000, 1000],
  );
});

test('a change is written down with who asked and what came of it; dry ones are not', async () => {
  const { people } = testPeople(log);
  const person = people.gate.onSocket({ ...asked(undefined), actor: 'ann' });
  const busy = new ShoalError('SHOAL_VM_BUSY', 'a stop is under way', 'vm1', '');
  assert.is(await people.carryOut(person, { what: 'stop', subject: 'vm1' }, false, async () => 5), 5);
  for (const error of [busy, new Error('inside')])
    assert.is(
      await people
        .carryOut(person, { what: 'stop', subject: 'vm1' }, false, () => Promise.reject(error))
        .catch(e => e),
      error,
    );
  await people.carryOut(person, { what: 'stop', subject: 'vm1' }, true, async () => 5);
  assert.equal(
    (await people.audit.last(9)).map(r => [r.seq, r.who, r.what, r.subject, r.node, r.result, r.code]),
    [
      [3, 'socket:ann', 'stop', 'vm1', 'node0', 'failed', 'SHOAL_INTERNAL'],
      [2, 'socket:ann', 'stop', 'vm1', 'node0', 'refused', 'SHOAL_VM_BUSY'],
      [1, 'socket:ann', 'stop', 'vm1', 'node0', 'done', ''],
    ],
  );
});

test('a change whose row cannot be written is not done', async () => {
  const { people, db } = testPeople(log);
  db.full = new Error('full');
  let acted = false;
  const act = async () => {
    acted = true;
  };
  const person = people.gate.onSocket(asked(undefined));
  const error = await people.carryOut(person, { what: 'stop', subject: 'vm1' }, false, act).catch(e => e);
  assert.equal([error.code, acted], ['SHOAL_AUDIT', false]);
});

test.run();
