import { createServer, connect as dialTcp, type Server, type Socket } from 'node:net';
import { GOSSIP_TOPIC } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AllowList } from './allow-list.ts';
import { loadOrCreateIdentity } from './identity.ts';
import { startStack } from './stack.ts';
import { bytes, repeatUntil, TestNodes, until } from './test-nodes.ts';
import type { PeerEntry } from './types.ts';

const nodes = new TestNodes();
const cable = { open: true, sockets: new Set<Socket>(), server: undefined as Server | undefined };
test.after(async () => {
  cable.server?.close();
  for (const socket of cable.sockets) socket.destroy();
  await nodes.stop();
});

/** A TCP relay that can stop carrying bytes without closing anything: a cable pulled out behind a switch. */
async function lay(from: string, to: string): Promise<void> {
  const at = (address: string) => {
    const [, , host, , port] = address.split('/');
    return { host: host!, port: Number(port) };
  };
  const server = createServer(near => {
    const far = dialTcp(at(to));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      cable.sockets.add(one);
      one.on('data', data => cable.open && other.write(data));
      one.on('error', () => {});
      one.on('close', () => cable.open && other.destroy());
    }
  });
  cable.server = server;
  await new Promise<void>(resolve => server.listen(at(from), resolve));
}

/** A bare libp2p node that is subscribed to the reports of `peer`. */
async function bareNode(name: string, own: PeerEntry, peer: PeerEntry) {
  const bare = await startStack({
    identity: await loadOrCreateIdentity(await nodes.stateDir(name)),
    listen: own.addresses,
    announce: [],
    nodes: 2,
    allowList: new AllowList(own.id, [peer]),
    count: { sentBytes: 0, receivedBytes: 0 },
  });
  bare.services.gossip.subscribe(GOSSIP_TOPIC);
  return bare;
}

/** Two planned nodes, the lower id first: that one dials at once. */
async function byId(...names: [string, string]) {
  const entries = await nodes.plan(...names);
  const both = names.map((name, i) => ({ name, entry: entries[i]! }));
  both.sort((a, b) => (a.entry.id < b.entry.id ? -1 : 1));
  return both as [(typeof both)[0], (typeof both)[0]];
}

test('a link that went silent is cut, and the nodes are together again when it carries bytes again', async () => {
  const [low, high] = await byId('a1', 'b1');
  const [way] = (await nodes.plan('cable')) as [PeerEntry];
  await lay(way.addresses[0]!, high.entry.addresses[0]!);
  // Only the low id knows a way to the other, and it goes through the cable.
  const left = await nodes.start(low.name, low.entry, [{ id: high.entry.id, addresses: way.addresses }]);
  const right = await nodes.start(high.name, high.entry, [{ id: low.entry.id, addresses: [] }]);
  await until('linked', () => left.mesh.peers().length === 1 && right.mesh.peers().length === 1);
  cable.open = false;
  await until('both ends noticed', () => left.mesh.peers().length + right.mesh.peers().length === 0, 15_000);
  assert.ok(left.lines.some(line => line.event === 'link-cut' && line.fields.peer === high.entry.id));
  cable.open = true;
  // What was dialled into the dead cable ends now instead of at its time-out.
  for (const socket of cable.sockets) socket.destroy();
  await repeatUntil(
    'reports cross again',
    () => left.mesh.publish(bytes(`${low.entry.id} back`)),
    () => right.reports.length > 0,
  );
});

test('a link whose gossip stream broke is renewed', async () => {
  const [one, two] = await byId('a2', 'r2');
  const [a, r] = [one.entry, two.entry];
  const member = await nodes.start(one.name, a, [r]);
  const other = await bareNode(two.name, r, a);
  try {
    const got: string[] = [];
    other.services.gossip.addEventListener('message', event => got.push(event.detail.topic));
    const publish = () => member.mesh.publish(bytes(`${a.id} ${Math.random()}`));
    await repeatUntil('reports arrive', publish, () => got.length > 0);
    for (const stream of other.getConnections()[0]!.streams) {
      if (stream.direction === 'inbound' && stream.protocol.startsWith('/meshsub'))
        stream.abort(new Error('broken'));
    }
    await until('the link is cut', () => member.lines.some(line => line.event === 'link-cut'));
    got.length = 0;
    await repeatUntil('reports arrive again', publish, () => got.length > 0);
    assert.match(String(member.lines.find(line => line.event === 'link-cut')?.fields.why), 'gossip stream');
  } finally {
    await other.stop();
  }
});

test('a node that hears no gossip from a peer which believes that all is well repairs the link', async () => {
  const [one, two] = await byId('a3', 'r3');
  const [a, r] = [one.entry, two.entry];
  const member = await nodes.start(one.name, a, [r], { reportIntervalMs: 200 });
  const other = await bareNode(two.name, r, a);
  try {
    let n = 0;
    const publish = () => other.services.gossip.publish(GOSSIP_TOPIC, bytes(`${r.id} ${++n}`));
    await repeatUntil('it hears', publish, () => member.reports.length > 0);
    // The other end has forgotten the subscription, as after a quick reconnect: its streams and pings are fine.
    const { topics } = other.services.gossip as unknown as { topics: Map<string, Set<string>> };
    for (const peers of topics.values()) peers.delete(a.id);
    const noticed = () =>
      member.lines.some(line => line.event === 'link-cut' && String(line.fields.why).includes('no gossip'));
    await repeatUntil('the deaf node notices', publish, noticed, 60_000);
    const before = member.reports.length;
    await repeatUntil('it hears again', publish, () => member.reports.length > before, 60_000);
    assert.ok(member.reports.length > before);
  } finally {
    await other.stop();
  }
});

test.run();
