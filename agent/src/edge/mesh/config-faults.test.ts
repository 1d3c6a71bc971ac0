import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../../errors.ts';
import { degrees } from './gossip-settings.ts';
import { TestNodes } from './test-nodes.ts';
import type { PeerEntry } from './types.ts';

const nodes = new TestNodes();
test.after(() => nodes.stop());

async function faultOf(promise: Promise<unknown>): Promise<ShoalError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ShoalError);
  return error as ShoalError;
}

test('a peer entry that is no id or no address gives one clear error', async () => {
  const [a, b] = (await nodes.plan('a1', 'b1')) as [PeerEntry, PeerEntry];
  const noId = await faultOf(nodes.start('a1', a, [{ id: 'node-b', addresses: [] }]));
  assert.is(noId.code, 'SHOAL_MESH_PEER');
  assert.is(noId.where, 'node-b');
  const noAddress = await faultOf(nodes.start('a1', a, [{ id: b.id, addresses: ['10.0.0.1:7420'] }]));
  assert.is(noAddress.code, 'SHOAL_MESH_ADDRESS');
  assert.is(noAddress.where, '10.0.0.1:7420');
  const other = await faultOf(
    nodes.start('a1', a, [{ id: b.id, addresses: [`${b.addresses[0]}/p2p/${a.id}`] }]),
  );
  assert.match(other.message, 'names another peer');
});

test('a bad new list changes nothing', async () => {
  const list = await nodes.plan('a2', 'b2');
  const { mesh } = await nodes.start('a2', list[0]!, list);
  assert.throws(() => mesh.setAllowed([{ id: list[1]!.id, addresses: ['nowhere'] }]), /not an address/);
  const stillListed = await faultOf(mesh.send(list[1]!.id, new Uint8Array(1), 500));
  assert.is(stillListed.code, 'SHOAL_PEER_UNREACHABLE');
});

test('a listen address that is taken gives one clear error', async () => {
  const [a] = (await nodes.plan('a3')) as [PeerEntry];
  const [, , host, , port] = a.addresses[0]!.split('/');
  const squatter = createServer();
  await new Promise<void>(resolve => squatter.listen(Number(port), host, resolve));
  try {
    const fault = await faultOf(nodes.start('a3', a, [a]));
    assert.is(fault.code, 'SHOAL_MESH_LISTEN');
    assert.is(fault.where, a.addresses[0]);
  } finally {
    squatter.close();
  }
});

test('reports go straight to everyone in clusters that are small enough, and are relayed in larger ones', () => {
  assert.is(degrees(2).floodPublish, true);
  assert.is(degrees(16).D, 0);
  const large = degrees(200);
  assert.is(large.floodPublish, false);
  assert.ok(large.Dlo <= large.D && large.D <= large.Dhi);
});

test.run();
