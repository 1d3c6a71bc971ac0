import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bytes, repeatUntil, type TestNode, TestNodes, text, until } from './test-nodes.ts';
import type { PeerEntry } from './types.ts';

const nodes = new TestNodes();
test.after(() => nodes.stop());

/** Hears everything that does not begin with `bad`; what does is rejected. */
async function open({ mesh }: TestNode) {
  const got: string[] = [];
  const frames: string[] = [];
  await mesh.registers.open({
    judge: (_, said) => (text(said).startsWith('bad') ? 'reject' : 'accept'),
    heard: said => got.push(text(said)),
    frame: (peer, frame) => frames.push(`${peer} ${text(frame)}`),
  });
  return { got, frames };
}

async function pair(tag: string) {
  const list = (await nodes.plan(`a${tag}`, `b${tag}`)) as [PeerEntry, PeerEntry];
  const [a, b] = await Promise.all([
    nodes.start(`a${tag}`, list[0], list),
    nodes.start(`b${tag}`, list[1], list),
  ]);
  const [atA, atB] = [await open(a), await open(b)];
  await until('linked', () => a.mesh.peers().length === 1 && b.mesh.peers().length === 1);
  return { a, b, atA, atB };
}

test('a register is gossiped apart from reports, and one that is refused reaches nobody', async () => {
  const { a, b, atB } = await pair('1');
  let n = 0;
  await repeatUntil(
    'it came',
    () => a.mesh.registers.publish(bytes(`good ${++n}`)),
    () => atB.got.length > 0,
  );
  await a.mesh.registers.publish(bytes('bad'));
  await until('refused', () => b.lines.some(line => line.event === 'register-rejected'));
  assert.not.ok(atB.got.includes('bad'));
  assert.equal(b.reports, []);
});

test('frames of an exchange arrive in order, also after their stream was closed for want of use', async () => {
  const { a, b, atB } = await pair('2');
  await Promise.all(['1', '2', '3'].map(n => a.mesh.registers.send(b.mesh.id, bytes(n))));
  await until('three came', () => atB.frames.length === 3);
  await new Promise(resolve => setTimeout(resolve, 3_500));
  await a.mesh.registers.send(b.mesh.id, bytes('4'));
  await until('the fourth came', () => atB.frames.length === 4);
  assert.equal(
    atB.frames,
    ['1', '2', '3', '4'].map(n => `${a.mesh.id} ${n}`),
  );
});

test('a peer that was blamed three times is not listened to, neither on streams nor in the gossip', async () => {
  const { a, b, atB } = await pair('3');
  let n = 0;
  const say = () => a.mesh.registers.publish(bytes(`hello ${++n}`));
  await repeatUntil('it is heard', say, () => atB.got.length > 0);
  for (const _ of [1, 2, 3]) b.mesh.blame(a.mesh.id);
  await a.mesh.registers.send(b.mesh.id, bytes('listen')).catch(() => {});
  await until('its stream is refused', () => b.lines.some(line => line.event === 'stream-refused'));
  // gossipsub asks for a peer's score once a second at most.
  await new Promise(resolve => setTimeout(resolve, 1_500));
  const before = atB.got.length;
  await say();
  await new Promise(resolve => setTimeout(resolve, 500));
  assert.equal(atB.frames, []);
  assert.is(atB.got.length, before);
});

test('a peer that floods a stream loses it, and is heard again when it has calmed down', async () => {
  const { a, b, atB } = await pair('4');
  const flood = async () => {
    for (let i = 0; i < 50; i++) await a.mesh.registers.send(b.mesh.id, bytes(`${i}`)).catch(() => {});
  };
  const refused = () => b.lines.some(line => line.event === 'stream-refused');
  await repeatUntil('it is refused', flood, refused, 60_000);
  assert.match(
    String(b.lines.find(line => line.event === 'stream-refused')?.fields.why),
    'messages a second',
  );
  await repeatUntil(
    'it is heard again',
    () => a.mesh.registers.send(b.mesh.id, bytes('calm')).catch(() => {}),
    () => atB.frames.some(frame => frame.endsWith('calm')),
    60_000,
  );
});

test.run();
