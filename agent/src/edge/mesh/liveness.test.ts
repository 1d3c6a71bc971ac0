import { createServer, connect as dialTcp, type Server, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AllowList } from './allow-list.ts';
import { REPORT_TOPIC } from './gossip-settings.ts';
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

test('a link that went silent is cut, and the nodes are together again when it carries bytes again', async () => {
  const plan = (await nodes.plan('a1', 'b1', 'cable')) as [PeerEntry, PeerEntry, PeerEntry];
  const [low, high] = [plan[0], plan[1]].sort((a, b) => (a.id < b.id ? -1 : 1)) as [PeerEntry, PeerEntry];
  const nameOf = (entry: PeerEntry) => (entry === plan[0] ? 'a1' : 'b1');
  await lay(plan[2].addresses[0]!, high.addresses[0]!);
  // Only the low id knows a way to the other, and it goes through the cable.
  const left = await nodes.start(nameOf(low), low, [{ id: high.id, addresses: plan[2].addresses }]);
  const right = await nodes.start(nameOf(high), high, [{ id: low.id, addresses: [] }]);
  await until('linked', () => left.mesh.peers().length === 1 && right.mesh.peers().length === 1);
  cable.open = false;
  await until('both ends noticed', () => left.mesh.peers().length + right.mesh.peers().length === 0, 15_000);
  assert.ok(left.lines.some(line => line.event === 'link-cut' && line.fields.peer === high.id));
  cable.open = true;
  await repeatUntil(
    'reports cross again',
    () => left.mesh.publish(bytes(`${low.id} back`)),
    () => right.reports.length > 0,
  );
});

test('a link whose gossip stream broke is renewed', async () => {
  const [a, r] = (await nodes.plan('a2', 'r2')) as [PeerEntry, PeerEntry];
  const member = await nodes.start('a2', a, [r]);
  const other = await startStack({
    identity: await loadOrCreateIdentity(await nodes.stateDir('r2')),
    listen: r.addresses,
    announce: [],
    nodes: 2,
    allowList: new AllowList(r.id, [a]),
    count: { sentBytes: 0, receivedBytes: 0 },
  });
  try {
    const got: string[] = [];
    other.services.gossip.addEventListener('message', event => got.push(event.detail.topic));
    other.services.gossip.subscribe(REPORT_TOPIC);
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

test.run();
