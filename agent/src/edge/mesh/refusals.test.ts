import { connect } from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AllowList } from './allow-list.ts';
import { loadOrCreateIdentity } from './identity.ts';
import { Refusals } from './refusals.ts';
import { startStack } from './stack.ts';
import { TestNodes, until } from './test-nodes.ts';
import type { Log, PeerEntry } from './types.ts';

const nodes = new TestNodes();
test.after(() => nodes.stop());

test('an outsider that completes the handshake is named in the log, with where it came from', async () => {
  const [a, o] = (await nodes.plan('a1', 'o1')) as [PeerEntry, PeerEntry];
  const member = await nodes.start('a1', a, [a]);
  const outsider = await startStack({
    identity: await loadOrCreateIdentity(await nodes.stateDir('o1')),
    listen: o.addresses,
    announce: [],
    nodes: 2,
    allowList: new AllowList(o.id, [a]),
    count: { sentBytes: 0, receivedBytes: 0 },
  });
  await outsider.dial(multiaddr(`${a.addresses[0]}/p2p/${a.id}`)).catch(() => undefined);
  const line = () => member.lines.find(l => l.event === 'connection-refused');
  await until('it is told', () => line() !== undefined);
  await outsider.stop();
  assert.is(line()?.fields.why, `${o.id} is not on the allow-list`);
  assert.match(String(line()?.fields.address), /^127\./);
});

test('bytes that are no handshake, and more connections than one address may have, are told of once each', async () => {
  const [a] = (await nodes.plan('a2')) as [PeerEntry];
  const member = await nodes.start('a2', a, [a]);
  const [, , host, , port] = a.addresses[0]!.split('/');
  const whys = () => member.lines.filter(l => l.event === 'connection-refused').map(l => l.fields.why);
  const knock = (text: string) =>
    new Promise<void>(resolve => {
      const socket = connect({ host: host!, port: Number(port) }, () => socket.end(text));
      socket.on('error', () => resolve()).on('close', () => resolve());
      socket.resume();
    });
  await knock('GET / HTTP/1.1\r\n\r\n');
  await until('the handshake is told of', () => whys().includes('its handshake failed'));
  await Promise.all(Array.from({ length: 200 }, () => knock('x')));
  await until('the flood is told of', () => whys().includes('too many connections at once'));
  assert.ok(whys().length <= 3, `two hundred knocks in few lines: ${whys().join('; ')}`);
});

test('a handshake that does not end is cut, and told of as what it is', async () => {
  const [a] = (await nodes.plan('a3')) as [PeerEntry];
  const member = await nodes.start('a3', a, [a]);
  const [, , host, , port] = a.addresses[0]!.split('/');
  const socket = connect({ host: host!, port: Number(port) });
  socket.on('error', () => undefined);
  socket.resume();
  await new Promise(resolve => socket.on('close', resolve));
  const whys = () => member.lines.filter(l => l.event === 'connection-refused').map(l => l.fields.why);
  await until('it is told of', () => whys().length > 0);
  assert.equal(whys(), ['its handshake took too long']);
});

test('knocks from a thousand addresses are told of in some dozen lines', () => {
  const lines: object[] = [];
  const quiet = () => undefined;
  const log: Log = { debug: quiet, info: quiet, error: quiet, warn: fields => void lines.push(fields) };
  const refusals = new Refusals(log);
  for (let i = 0; i < 1000; i++) refusals.note(`10.0.${i >> 8}.${i & 255}`, 'its handshake failed');
  refusals.stop();
  assert.is(lines.length, 65);
  assert.is((lines.at(-1) as { address: string }).address, 'many addresses');
});

test.run();
