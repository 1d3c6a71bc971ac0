import { connect, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AllowList } from './allow-list.ts';
import { loadOrCreateIdentity } from './identity.ts';
import { type Node, startStack } from './stack.ts';
import { TestNodes, until } from './test-nodes.ts';
import type { PeerEntry } from './types.ts';

const nodes = new TestNodes();
const running: Node[] = [];
const sockets: Socket[] = [];
test.after(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(running.map(node => node.stop()));
  await nodes.stop();
});

/** Whoever is held off is closed at once, whoever is let in only when the handshake has run out, after 5 s. */
const AT_ONCE_MS = 2_500;

/** So many connections at once that send nothing; answers how many of them the node let in. */
async function flood(address: string, count: number): Promise<number> {
  const [, , host, , port] = address.split('/');
  let heldOff = 0;
  let open = 0;
  for (let i = 0; i < count; i++) {
    const socket = connect({ host: host!, port: Number(port), localAddress: host! });
    let openedAtMs = performance.now();
    sockets.push(socket);
    socket.on('connect', () => {
      open += 1;
      openedAtMs = performance.now();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (performance.now() - openedAtMs < AT_ONCE_MS) heldOff += 1;
    });
    socket.resume();
  }
  await until('all were answered', () => open === count);
  await new Promise(resolve => setTimeout(resolve, AT_ONCE_MS));
  return count - heldOff;
}

test('strangers are held off when they flood; from a member that has just joined the same number gets in', async () => {
  const [a, b] = (await nodes.plan('a', 'b')) as [PeerEntry, PeerEntry];
  const allowList = new AllowList(a.id, [a]);
  const identity = await loadOrCreateIdentity(await nodes.stateDir('a'));
  const count = { sentBytes: 0, receivedBytes: 0 };
  running.push(await startStack({ identity, listen: a.addresses, announce: [], nodes: 2, allowList, count }));
  const address = a.addresses[0] as string;
  assert.ok((await flood(address, 200)) < 200);
  allowList.replace([a, b]);
  assert.is(await flood(address, 200), 200);
});

test('the address of this node itself is no member, nor is a name', () => {
  const list = new AllowList('self', [
    { id: 'self', addresses: ['/ip4/10.0.0.1/tcp/1'] },
    { id: 'other', addresses: ['/dns4/node-2/tcp/1', '/ip4/10.0.0.2/tcp/1', '/ip6/fd00::2/tcp/1'] },
  ]);
  assert.equal(
    ['10.0.0.1', 'node-2', '10.0.0.2', 'fd00::2'].map(host => list.hasHost(host)),
    [false, false, true, true],
  );
});

test.run();
