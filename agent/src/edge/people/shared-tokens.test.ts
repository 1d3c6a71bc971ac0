import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { memberKey } from '../../core/registers/keys.ts';
import { REMOVED_VALUE } from '../../core/registers/read.ts';
import {
  REVOKED_MAX,
  revokedOf,
  revokedValue,
  tokenKey,
  tokenOf,
  tokenValue,
} from '../../core/registers/tokens.ts';
import { clock } from '../clock.ts';
import { until } from '../mesh/test-nodes.ts';
import { makeOperator, type Operator, type SharingNode, SharingNodes } from '../registers/test-mesh.ts';
import { sharedTokens } from './shared-tokens.ts';
import { MemoryDatabase } from './testing.ts';
import { mint } from './token.ts';
import { Tokens } from './tokens.ts';

const mesh = new SharingNodes();
/** Wall time of the tokens, ahead of the real one. */
const skew = { ms: 0 };
const time = { nowMs: clock.nowMs, wallMs: () => clock.wallMs() + skew.ms };

type Side = { node: SharingNode; tokens: Tokens };
let [a, b] = [] as unknown as [Side, Side];
let operator: Operator;
test.before(async () => {
  operator = await makeOperator();
  const entries = await mesh.plan('a', 'b');
  [a, b] = (await Promise.all(
    ['a', 'b'].map(async (name, i): Promise<Side> => {
      const node = await mesh.start(name, entries[i]!, entries, [operator.id]);
      return {
        node,
        tokens: new Tokens(new MemoryDatabase(), time, sharedTokens(node.shared.registers, time)),
      };
    }),
  )) as [Side, Side];
  await until('connected', () => a.node.mesh.peers().length > 0 && b.node.mesh.peers().length > 0);
});
test.after(() => mesh.stop());

/** As `shoal token create --key` does it. */
async function sign(name: string, counter = 1): Promise<{ token: string; id: string }> {
  const { token, id, hash } = mint();
  const value = tokenValue({ role: 'operate', name, hash, expiresAtMs: 0 });
  assert.is(await a.node.shared.registers.submit(operator.sign(tokenKey(id), value, counter)), 'new');
  await until('b knows it', () => b.tokens.whoHas(token) !== undefined);
  return { token, id };
}

test("a token that an operator's key signed is known on every node, and is none of a node's own", async () => {
  const { token, id } = await sign('ann');
  assert.equal(
    [a, b].map(({ tokens }) => tokens.whoHas(token)?.name),
    ['ann', 'ann'],
  );
  const [listed] = b.tokens.list().filter(t => t.id === id);
  assert.equal([listed?.of, listed?.state], ['mesh', 'valid']);
});

test('a node cannot make a token for the others', async () => {
  const { token, id, hash } = mint();
  const value = tokenValue({ role: 'admin', name: '', hash, expiresAtMs: 0 });
  await a.node.shared.registers.write(tokenKey(id), value).catch(() => undefined);
  const { token: after } = await sign('after');
  assert.is.not(b.tokens.whoHas(after), undefined);
  assert.equal([a.tokens.whoHas(token), b.tokens.whoHas(token)], [undefined, undefined]);
});

test('an operator takes a token back by withdrawing its register', async () => {
  const { token, id } = await sign('short');
  await a.node.shared.registers.submit(operator.sign(tokenKey(id), '', 2));
  await until('b has heard', () => b.tokens.whoHas(token) === undefined);
  assert.is(a.tokens.whoHas(token), undefined);
});

test('a token that was made on one node, added on another and revoked there is worth nothing on both', async () => {
  const { token, id, record } = await a.tokens.create('operate', 'ci', 0);
  await b.tokens.add(record);
  await b.tokens.revoke(id);
  await until('a has heard', () => a.tokens.whoHas(token) === undefined);
  assert.is(a.tokens.list().find(t => t.id === id)?.state, 'revoked');
});

test('what a node revoked stays revoked when that node has left the mesh and its word has gone', async () => {
  const { token, id } = await sign('stolen');
  await a.tokens.revoke(id);
  await until('b has heard', () => b.tokens.whoHas(token) === undefined);
  await b.tokens.absorb();
  const { registers } = b.node.shared;
  assert.is(await registers.submit(operator.sign(memberKey(a.node.id), REMOVED_VALUE, 1)), 'new');
  assert.not(registers.members().some(m => m.id === a.node.id));
  assert.is(b.tokens.whoHas(token), undefined);
  assert.is(b.tokens.list().find(t => t.id === id)?.state, 'revoked');
  // Tokens that ended a month ago are forgotten; not this one, whose register still stands.
  skew.ms += 40 * 86_400_000;
  await b.tokens.create('read', '', 0);
  assert.is(b.tokens.whoHas(token), undefined);
});

test('values that cannot be read mean nothing, and a list of revoked tokens fits into a register', () => {
  const good = { role: 'read', name: 'x', hash: 'a'.repeat(64), expiresAtMs: 0 } as const;
  assert.equal(tokenOf(tokenValue(good)), good);
  for (const bad of ['', 'null', '[]', '{"role":"root"}', JSON.stringify({ ...good, hash: 'z' }), '{', '1'])
    assert.is(tokenOf(bad), undefined, bad);
  assert.is(tokenOf(JSON.stringify({ ...good, expiresAtMs: -1 })), undefined);
  assert.is(tokenOf(JSON.stringify({ ...good, name: '\u001b[2J' })), undefined);
  assert.equal(revokedOf('["0123456789abcdef", 5, "x"]'), ['0123456789abcdef']);
  for (const bad of ['', '{}', '"x"', '[']) assert.equal(revokedOf(bad), []);
  const many = Array.from({ length: 500 }, (_, i) => i.toString(16).padStart(16, '0'));
  const value = revokedValue(many);
  assert.ok(value.length <= 4096);
  assert.equal(revokedOf(value), many.slice(-REVOKED_MAX));
});

test.run();
