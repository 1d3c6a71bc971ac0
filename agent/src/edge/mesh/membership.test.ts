import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { GOSSIP_TOPIC } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LINES } from '../../core/rate.ts';
import { AllowList } from './allow-list.ts';
import { loadOrCreateIdentity } from './identity.ts';
import { type Node, startStack } from './stack.ts';
import { bytes, repeatUntil, TestNodes, until } from './test-nodes.ts';
import type { PeerEntry } from './types.ts';

const nodes = new TestNodes();
const rogues: Node[] = [];
test.after(async () => {
  await Promise.all(rogues.map(rogue => rogue.stop()));
  await nodes.stop();
});

/** A bare libp2p node that plays by no rules of ours. */
async function startRogue(name: string, own: PeerEntry, knows: PeerEntry[]): Promise<Node> {
  const rogue = await startStack({
    identity: await loadOrCreateIdentity(await nodes.stateDir(name)),
    listen: own.addresses,
    announce: [],
    nodes: 3,
    allowList: new AllowList(own.id, knows),
    count: { sentBytes: 0, receivedBytes: 0 },
  });
  rogues.push(rogue);
  rogue.services.gossip.subscribe(GOSSIP_TOPIC);
  return rogue;
}

const dial = (rogue: Node, { id, addresses }: PeerEntry) =>
  rogue.dial(multiaddr(`${addresses[0]}/p2p/${id}`));

test('an outsider that is not on the list cannot connect, and its reports are not delivered', async () => {
  const [a, outsider] = (await nodes.plan('a1', 'o1')) as [PeerEntry, PeerEntry];
  const member = await nodes.start('a1', a, [a]);
  const rogue = await startRogue('o1', outsider, [a]);
  // Noise completes before the id is known, so its dial may seem to succeed; then it is cut.
  const cut = new Promise(resolve => rogue.addEventListener('peer:disconnect', resolve, { once: true }));
  const dialled = await dial(rogue, a).then(
    () => true,
    () => false,
  );
  if (dialled) await cut;
  await rogue.services.gossip.publish(GOSSIP_TOPIC, bytes(`${outsider.id} let me in`));
  await new Promise(resolve => setTimeout(resolve, 500));
  assert.equal(rogue.getConnections().length, 0);
  assert.equal(member.mesh.peers(), []);
  assert.equal(member.reports, []);
});

test('a listed node that reports as another is rejected, and its report is not passed on', async () => {
  const list = await nodes.plan('a2', 'b2', 'r2');
  const [a, b, r] = list as [PeerEntry, PeerEntry, PeerEntry];
  const near = await nodes.start('a2', a, list);
  const far = await nodes.start('b2', b, [a, { id: r.id, addresses: [] }]);
  const rogue = await startRogue('r2', r, [a]);
  await dial(rogue, a);
  const refused = () => near.mesh.stats().reportsRefused;
  await until('a and b linked', () => far.mesh.peers().includes(a.id));
  await repeatUntil(
    'rejected at its neighbour',
    () => rogue.services.gossip.publish(GOSSIP_TOPIC, bytes(`${b.id} forged ${Math.random()}`)),
    () => refused() > 0,
  );
  const told = () => near.lines.filter(each => each.event === 'report-rejected');
  assert.is(told()[0]?.fields.author, r.id);
  // At once: whoever goes on for long is shut out.
  for (let i = 0; i < 100; i++)
    await rogue.services.gossip.publish(GOSSIP_TOPIC, bytes(`${b.id} flood ${i}`)).catch(() => undefined);
  await until('rejected over and over', () => refused() > 4 * LINES.burst);
  assert.ok(told().length <= 2 * LINES.burst, `a flood of them fills no log: ${told().length} lines`);
  // Two heartbeats: time for gossip to carry it to b, if it did.
  await new Promise(resolve => setTimeout(resolve, 2_200));
  assert.equal([...near.reports, ...far.reports], []);
  assert.is(far.mesh.stats().reportsRefused, 0, 'b never got it');
});

test('a report that claims another author without its key is not delivered', async () => {
  const list = await nodes.plan('a3', 'b3', 'r3');
  const [a, b, r] = list as [PeerEntry, PeerEntry, PeerEntry];
  const member = await nodes.start('a3', a, list);
  const rogue = await startRogue('r3', r, [a]);
  await dial(rogue, a);
  await repeatUntil(
    'honest reports arrive',
    () => rogue.services.gossip.publish(GOSSIP_TOPIC, bytes(`${r.id} honest`)),
    () => member.reports.length > 0,
  );
  const { publishConfig } = rogue.services.gossip as unknown as { publishConfig: { author: unknown } };
  publishConfig.author = peerIdFromString(b.id);
  await rogue.services.gossip.publish(GOSSIP_TOPIC, bytes(`${b.id} forged`));
  await until('it is told of', () => member.lines.some(line => line.event === 'gossip-unsigned'));
  assert.is(member.lines.find(line => line.event === 'gossip-unsigned')?.fields.relay, r.id);
  assert.not.ok(member.reports.some(report => report.author === b.id));
});

test('an oversized report is dropped and the link stays', async () => {
  const list = await nodes.plan('a4', 'r4');
  const [a, r] = list as [PeerEntry, PeerEntry];
  const member = await nodes.start('a4', a, list);
  const rogue = await startRogue('r4', r, [a]);
  await dial(rogue, a);
  const say = (what: string) => rogue.services.gossip.publish(GOSSIP_TOPIC, bytes(`${r.id} ${what}`));
  await repeatUntil(
    'linked',
    () => say('before'),
    () => member.reports.length > 0,
  );
  await say('x'.repeat(17_000));
  await say('after');
  await until('the next one arrives', () => member.reports.some(report => report.text.endsWith('after')));
  assert.not.ok(member.reports.some(report => report.text.length > 16_384));
  assert.is(member.mesh.stats().reportsRefused, 1);
  assert.not.ok(member.lines.some(line => line.event === 'peer-down'));
});

test('a node refuses to publish an oversized report, with one clear error', async () => {
  const [a] = (await nodes.plan('a5')) as [PeerEntry];
  const { mesh } = await nodes.start('a5', a, [a]);
  const error = await mesh.publish(new Uint8Array(17_000)).then(
    () => undefined,
    (reason: { code?: string }) => reason,
  );
  assert.is(error?.code, 'SHOAL_REPORT_TOO_LARGE');
});

test.run();
