import { multiaddr } from '@multiformats/multiaddr';
import { HANDOFF_BYTES_MAX, STREAM_PROTOCOL } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LINES } from '../../core/rate.ts';
import { ShoalError } from '../../errors.ts';
import { AllowList } from './allow-list.ts';
import { loadOrCreateIdentity } from './identity.ts';
import { startStack } from './stack.ts';
import { bytes, TestNodes, text, until } from './test-nodes.ts';
import type { PeerEntry } from './types.ts';

const nodes = new TestNodes();
test.after(() => nodes.stop());

async function errorOf(promise: Promise<unknown>): Promise<ShoalError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ShoalError);
  return error as ShoalError;
}

test('messages arrive in order, both ways, large ones too', async () => {
  const list = await nodes.plan('a1', 'b1');
  const [a, b] = list as [PeerEntry, PeerEntry];
  const left = await nodes.start('a1', a, list);
  const right = await nodes.start('b1', b, list);
  const got: string[] = [];
  const back: string[] = [];
  right.mesh.onMessage((peer, frame) => {
    assert.is(peer, a.id);
    got.push(frame.byteLength > 1_000 ? `${frame.byteLength}` : text(frame));
    if (text(frame) === '19') void right.mesh.send(a.id, bytes('thanks'));
  });
  left.mesh.onMessage((_, frame) => back.push(text(frame)));
  const numbers = Array.from({ length: 20 }, (_, i) => `${i}`);
  // The first send connects on demand.
  await Promise.all([
    ...numbers.map(number => left.mesh.send(b.id, bytes(number))),
    left.mesh.send(b.id, new Uint8Array(HANDOFF_BYTES_MAX)),
  ]);
  await until('all there', () => got.length === 21 && back.length === 1);
  assert.equal(got, [...numbers, `${HANDOFF_BYTES_MAX}`]);
  assert.equal(back, ['thanks']);
});

test('a message goes through again after the peer was restarted', async () => {
  const list = await nodes.plan('a2', 'b2');
  const [a, b] = list as [PeerEntry, PeerEntry];
  const left = await nodes.start('a2', a, list);
  const first = await nodes.start('b2', b, list);
  await left.mesh.send(b.id, bytes('one'));
  await nodes.stopOne(first);
  await until('it is gone', () => left.mesh.peers().length === 0);
  const second = await nodes.start('b2', b, list);
  const got: string[] = [];
  second.mesh.onMessage((_, frame) => got.push(text(frame)));
  await left.mesh.send(b.id, bytes('two'));
  await until('the second came', () => got.length === 1);
  assert.equal(got, ['two']);
});

test('an oversized or empty message is refused before anything is sent', async () => {
  const list = await nodes.plan('a3', 'b3');
  const { mesh } = await nodes.start('a3', list[0]!, list);
  for (const size of [0, HANDOFF_BYTES_MAX + 1]) {
    const error = await errorOf(mesh.send(list[1]!.id, new Uint8Array(size)));
    assert.is(error.code, 'SHOAL_FRAME_SIZE');
    assert.match(error.line(), `${size} bytes`);
  }
});

test('a peer that cannot be reached gives one clear error, in time', async () => {
  const list = await nodes.plan('a4', 'b4');
  const { mesh } = await nodes.start('a4', list[0]!, list);
  const gone = await errorOf(mesh.send(list[1]!.id, bytes('anyone?'), 2_000));
  assert.is(gone.code, 'SHOAL_PEER_UNREACHABLE');
  assert.is(gone.where, list[1]!.id);
  const [stranger] = (await nodes.plan('c4')) as [PeerEntry];
  const unknown = await errorOf(mesh.send(stranger.id, bytes('who?')));
  assert.is(unknown.code, 'SHOAL_PEER_UNKNOWN');
});

test('a malformed frame closes its stream with a log line, many with a few, and the link and later messages live on', async () => {
  const list = await nodes.plan('a5', 'r5');
  const [a, r] = list as [PeerEntry, PeerEntry];
  const member = await nodes.start('a5', a, list);
  const got: string[] = [];
  member.mesh.onMessage((_, frame) => got.push(text(frame)));
  const rogue = await startStack({
    identity: await loadOrCreateIdentity(await nodes.stateDir('r5')),
    listen: r.addresses,
    announce: [],
    nodes: 2,
    allowList: new AllowList(r.id, [a]),
    count: { sentBytes: 0, receivedBytes: 0 },
  });
  try {
    const connection = await rogue.dial(multiaddr(`${a.addresses[0]}/p2p/${a.id}`));
    const bad = await connection.newStream(STREAM_PROTOCOL);
    bad.send(new Uint8Array([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    await until('it is closed', () => bad.status !== 'open');
    const good = await connection.newStream(STREAM_PROTOCOL);
    good.send(new Uint8Array([0, 0, 0, 2, 111, 107]));
    await until('the good one came', () => got.length === 1);
    assert.equal(got, ['ok']);
    const lines = () => member.lines.filter(l => l.level !== 'debug' && l.event === 'stream-refused').length;
    assert.is(lines(), 1);
    const begunMs = performance.now();
    for (let i = 0; i < 40; i++) {
      const one = await connection.newStream(STREAM_PROTOCOL);
      one.send(new Uint8Array([0, 0, 0, 0, i]));
      await until('it is closed too', () => one.status !== 'open');
    }
    const allowed = LINES.burst + ((performance.now() - begunMs) / 1000) * LINES.perSecond;
    assert.ok(lines() > 1 && lines() <= allowed + 1, `${lines()} lines about 41 bad streams`);
    assert.equal(member.mesh.peers(), [r.id]);
  } finally {
    await rogue.stop();
  }
});

test.run();
