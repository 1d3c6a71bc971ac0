import { encodeExchange, encodeRegister } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { memberKey } from '../../core/registers/keys.ts';
import { memberValue, REMOVED_VALUE } from '../../core/registers/read.ts';
import { bytes, repeatUntil, until } from '../mesh/test-nodes.ts';
import type { PeerEntry } from '../mesh/types.ts';
import { makeOperator, type SharingNode, SharingNodes } from './test-mesh.ts';

const LONG_MS = 60_000;

const nodes = new SharingNodes();
test.after(() => nodes.stop());

const linked = (...all: SharingNode[]) =>
  until('all linked', () => all.every(n => n.mesh.peers().length === all.length - 1), LONG_MS);

async function trio(tag: string) {
  const list = await nodes.plan(`a${tag}`, `b${tag}`, `c${tag}`);
  const operator = await makeOperator();
  const start = (i: number, peers = list) =>
    nodes.start(`${'abc'[i]}${tag}`, list[i] as PeerEntry, peers, [operator.id]);
  return { list, operator, start };
}

test('what one node writes the others know, and it outlives the restart of all', async () => {
  const { start } = await trio('1');
  const first = await Promise.all([start(0), start(1), start(2)]);
  await linked(...first);
  await first[0].shared.flags.pause(3_600_000);
  await first[0].shared.flags.cordon(true);
  const knows = (n: SharingNode) => n.shared.flags.meshPausedMs > 3_500_000;
  await until('all know of the pause', () => first.every(knows), LONG_MS);
  assert.equal(
    first.map(n => n.shared.flags.pausedMs > 0),
    [true, false, false],
  );
  assert.equal(
    first.map(n => n.shared.flags.cordoned),
    [true, false, false],
  );
  assert.equal(
    first[1].shared.flags.pausedElsewhere().map(m => m.id),
    [first[0].id],
  );
  for (const node of first) await node.stop();
  const again = await Promise.all([start(1), start(2)]);
  assert.ok(again.every(knows), 'without the node that asked for it');
});

test('a node that was away learns what it missed before it acts, and the others what it wrote before', async () => {
  const { start } = await trio('2');
  const [a, b] = [await start(0), await start(1)];
  const c = await start(2);
  await linked(a, b, c);
  await c.shared.flags.cordon(true);
  await until('c is known to be cordoned', () => cordonOf(a, c) === 'true', LONG_MS);
  await c.stop();
  await a.shared.flags.pause(3_600_000);
  const back = await start(2);
  await until('it acts again', () => back.shared.settled(), LONG_MS);
  assert.ok(back.shared.flags.meshPausedMs > 0, 'the pause was known when it did');
  assert.ok(back.shared.flags.cordoned);
});

const cordonOf = (at: SharingNode, of: SharingNode) => at.shared.registers.get(`cordon/${of.id}`).value;

test('a node that is alone acts at once, one whose members are away or mute after a while', async () => {
  const { list, start } = await trio('3');
  const [a, b, c] = list as [PeerEntry, PeerEntry, PeerEntry];
  const alone = await start(0, [a]);
  assert.ok(alone.shared.settled());
  const waiting = await start(1, [b, c]);
  assert.not.ok(waiting.shared.settled());
  // It is connected and says nothing of registers, and comes and goes: the others shall not wait for it again and again.
  const mute = await nodes.nodes.start('c3', c, [b, c]);
  await until('it has waited long enough', () => waiting.shared.settled(), LONG_MS);
  await nodes.nodes.stopOne(mute);
  await until('it is gone', () => waiting.mesh.peers().length === 0, LONG_MS);
  const again = await nodes.nodes.start('c3', c, [b, c]);
  await until('it is back', () => waiting.mesh.peers().length === 1, LONG_MS);
  assert.ok(waiting.shared.settled());
  await nodes.nodes.stopOne(again);
});

test('a node joins by the word of an operator at one node, nothing is restarted, and leaves by it everywhere', async () => {
  const { list, operator, start } = await trio('4');
  const [a, b, c] = list as [PeerEntry, PeerEntry, PeerEntry];
  const [left, right] = [await start(0, [a, b]), await start(1, [a, b])];
  await linked(left, right);
  // As `shoal join` does: the newcomer, and whoever stands in configurations alone, so that it learns of all.
  for (const { id, addresses } of list) {
    const joins = operator.sign(memberKey(id), memberValue({ name: '', addresses }), 1);
    assert.is(await left.shared.registers.submit(joins), 'new');
  }
  const fresh = await start(2, [a]);
  await linked(left, right, fresh);
  await until('the newcomer knows all members', () => fresh.shared.registers.members().length === 3, LONG_MS);
  await fresh.shared.flags.cordon(true);
  await until('what it writes counts', () => cordonOf(right, fresh) === 'true', LONG_MS);

  const leaves = operator.sign(memberKey(c.id), REMOVED_VALUE, 2);
  assert.is(await right.shared.registers.submit(leaves), 'new');
  await until(
    'it is cut off by both',
    () => left.removed.includes(c.id) && right.removed.includes(c.id) && fresh.mesh.peers().length === 0,
    LONG_MS,
  );
  await until('what it wrote is gone', () => cordonOf(left, fresh) === '', LONG_MS);
  const heard = left.reports.length;
  await fresh.mesh.publish(bytes(`${c.id} still here`));
  await new Promise(resolve => setTimeout(resolve, 1_000));
  assert.is(left.reports.length, heard);
  // It goes on dialling, being on its own list: nobody lets it in.
  assert.equal(left.mesh.peers(), [b.id]);
});

test('a member of the configuration that was removed stays removed over a restart', async () => {
  const { list, operator, start } = await trio('5');
  const [, b] = list as [PeerEntry, PeerEntry, PeerEntry];
  const first = await start(0);
  await first.shared.registers.submit(operator.sign(memberKey(b.id), REMOVED_VALUE, 1));
  await first.stop();
  const again = await start(0);
  assert.not.ok(again.shared.registers.isMember(b.id));
});

test('only an operator that this node knows changes members: no member, no stranger, no former operator', async () => {
  const { list, operator, start } = await trio('6');
  const [a, b, c] = list as [PeerEntry, PeerEntry, PeerEntry];
  const node = await start(0, [a, b]);
  const { registers } = node.shared;
  const key = memberKey(c.id);
  const value = memberValue({ name: '', addresses: [] });
  assert.is(await registers.submit((await makeOperator()).sign(key, value, 1)), 'denied');
  const good = operator.sign(key, value, 1);
  assert.is(await registers.submit({ ...good, counter: 2 }), 'forged');
  assert.is(await registers.submit({ ...good, author: node.id }), 'forged');
  await registers.write(key, value);
  assert.not.ok(registers.isMember(c.id), 'the node itself may not write it either');
  assert.is(await registers.submit(good), 'new');
  assert.ok(registers.isMember(c.id));
  registers.reconfigure({ peers: [a, b], operators: [] });
  assert.not.ok(registers.isMember(c.id));
  assert.is(await registers.submit(operator.sign(key, value, 7)), 'denied');
});

test('a forged register costs whoever hands it on, and changes nothing', async () => {
  const { list, start } = await trio('7');
  const [a, b] = list as [PeerEntry, PeerEntry, PeerEntry];
  const [node, forger] = [await start(0, [a, b]), await start(1, [a, b])];
  await linked(node, forger);
  const register = {
    key: `cordon/${a.id}`,
    value: 'true',
    counter: 9,
    author: a.id,
    signature: '0'.repeat(128),
  };
  const forged = { ...register, ageMs: 0 };
  const blamed = () => node.lines.filter(line => line.event === 'peer-blamed').length;
  await repeatUntil(
    'it is blamed',
    () => forger.mesh.registers.send(a.id, encodeExchange({ type: 'register-page', registers: [forged] })),
    () => blamed() > 0,
  );
  await repeatUntil(
    'and rejected as gossip',
    () => forger.mesh.registers.publish(encodeRegister({ ...forged, counter: 10 + blamed() })),
    () => node.lines.some(line => line.event === 'register-rejected'),
  );
  assert.not.ok(node.shared.flags.cordoned);
});

test('a peer that asks again and again is answered a few times, and what is no message is blamed', async () => {
  const { list, start } = await trio('8');
  const [a, b] = list as [PeerEntry, PeerEntry, PeerEntry];
  const [node, loud] = [await start(0, [a, b]), await start(1, [a, b])];
  await linked(node, loud);
  await loud.mesh.registers.send(a.id, Uint8Array.of(1, 2, 3));
  await until('blamed', () => node.lines.some(line => line.event === 'peer-blamed'), LONG_MS);
  // Every answer would bring its cordon: more than 400 bytes.
  await node.shared.flags.cordon(true);
  await until('it is known', () => cordonOf(loud, node) === 'true', LONG_MS);
  const before = node.mesh.stats().sentBytes;
  const ask = encodeExchange({ type: 'register-digest', answer: false, buckets: ['0123456789abcdef'] });
  for (let i = 0; i < 100; i++) await loud.mesh.registers.send(a.id, ask);
  await new Promise(resolve => setTimeout(resolve, 1_000));
  const sent = node.mesh.stats().sentBytes - before;
  assert.ok(sent < 25_000, `${sent} bytes`);
});

test('a node that writes without end is passed over in the gossip, and what it wrote last comes all the same', async () => {
  const { list, start } = await trio('9');
  const [a, b] = list as [PeerEntry, PeerEntry, PeerEntry];
  const [node, loud] = [await start(0, [a, b]), await start(1, [a, b])];
  await linked(node, loud);
  await until('settled', () => loud.shared.settled() && node.shared.settled(), LONG_MS);
  const key = `counts/${b.id}`;
  for (let i = 1; i <= 200; i++) await loud.shared.registers.write(key, `${i}`);
  await until('the last one came', () => node.shared.registers.get(key).value === '200', LONG_MS);
  assert.ok(node.changed.length < 190, `${node.changed.length} of 200 were taken`);
});

test.run();
