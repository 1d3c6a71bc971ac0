import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AllowList } from './allow-list.ts';
import { loadOrCreateIdentity } from './identity.ts';
import { type Node, startStack } from './stack.ts';
import { TestNodes, until } from './test-nodes.ts';
import type { PeerEntry } from './types.ts';

const PROTOCOL = '/test/1';
const nodes = new TestNodes();
const running: Node[] = [];
test.after(async () => {
  await Promise.all(running.map(node => node.stop()));
  await nodes.stop();
});

/** A stream from one bare node to another, and what the receiving one counts. */
async function pair(tag: string) {
  const list = (await nodes.plan(`a${tag}`, `b${tag}`)) as [PeerEntry, PeerEntry];
  const [from, to] = await Promise.all(
    list.map(async (entry, i) => {
      const count = { sentBytes: 0, receivedBytes: 0 };
      const identity = await loadOrCreateIdentity(await nodes.stateDir(`${'ab'[i]}${tag}`));
      const allowList = new AllowList(entry.id, list);
      const node = await startStack({
        identity,
        listen: entry.addresses,
        announce: [],
        nodes: 2,
        allowList,
        count,
      });
      running.push(node);
      return { node, count };
    }),
  );
  let gotBytes = 0;
  await to!.node.handle(PROTOCOL, (stream: Stream) => {
    stream.addEventListener('message', event => {
      gotBytes += event.data.byteLength;
    });
  });
  const stream = await from!.node.dialProtocol(
    multiaddr(`${list[1].addresses[0]}/p2p/${list[1].id}`),
    PROTOCOL,
  );
  return { stream, to: to!, gotBytes: () => gotBytes };
}

test('small messages are not answered by window updates', async () => {
  const { stream, to, gotBytes } = await pair('1');
  stream.send(new Uint8Array(1_000));
  await until('the stream stands', () => gotBytes() === 1_000);
  // Identify and the opening of streams are over when nothing more is sent for a while.
  let settled = -1;
  while (settled !== to.count.sentBytes) {
    settled = to.count.sentBytes;
    await new Promise(resolve => setTimeout(resolve, 300));
  }
  for (let i = 1; i <= 50; i += 1) {
    stream.send(new Uint8Array(1_000));
    await until('it came', () => gotBytes() === 1_000 * (i + 1));
  }
  assert.is(to.count.sentBytes - settled, 0);
});

test('more than a window still flows', async () => {
  const { stream, gotBytes } = await pair('2');
  const piece = 50_000;
  for (let i = 0; i < 40; i += 1) {
    if (!stream.send(new Uint8Array(piece))) {
      await new Promise(resolve => stream.addEventListener('drain', resolve, { once: true }));
    }
  }
  await until('2 MB came', () => gotBytes() === 40 * piece);
  assert.is(gotBytes(), 2_000_000);
});

test.run();
