/** VMs with addresses of the lab, asked by a client outside of all nodes over shaped links, while they move. Needs root. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab, VM_BRIDGE } from '../lab/index.ts';
import { inNetns } from '../lab/network.ts';
import { before, moved, TWO_QEMU_NODES, within } from './help.ts';

const exec = promisify(execFile);
const MAC = '52:54:00:00:00:64';
const ECHO_PORT = 7;
/** A move takes the guest off the net for some 50 ms; a machine with other work, and TCP's own timer, some hundreds. */
const GAP_MAX_MS = 5000;
/** All announcements of one move: five of them, 50 to 450 ms apart. */
const ANNOUNCING_MS = 3000;
/** Sends a byte every 10 ms over one connection until its input ends; then says what came back, and the longest wait for it. */
const ASKS = `const socket = require('node:net').connect(${ECHO_PORT}, process.argv[1]);
let [answers, last, longest] = [0, 0, 0];
socket.on('connect', () => { last = performance.now(); setInterval(() => socket.write('x'), 10); });
socket.on('data', bytes => { const now = performance.now();
  longest = Math.max(longest, now - last); last = now; answers += bytes.length; });
socket.on('error', error => { console.log(JSON.stringify({ error: error.message })); process.exit(1); });
process.stdin.resume().on('end', () => {
  console.log(JSON.stringify({ answers, longestMs: Math.max(longest, performance.now() - last) })); process.exit(0); });`;

let lab: Lab;
let address = '';
const test = suite('the network of VMs');

before(test, async () => {
  lab = await bringUp({ name: 'vmnet', ...TWO_QEMU_NODES, vmBridge: true, clients: 1 });
  address = lab.vmAddress(0);
});
test.after(() => lab?.down());

const client = (): string => lab.clients[0]?.netns ?? '';
const pings = (to: string): Promise<boolean> =>
  inNetns(client(), 'busybox', 'ping', '-c', '1', '-W', '1', to).then(
    () => true,
    () => false,
  );

/** The shell at the guest's console starts it. */
async function listen(): Promise<void> {
  const { vms } = await lab.node('node0').get<ClusterStatus>('/v1/status');
  const socket = connect(join(lab.node('node0').runDir, 'vms', vms[0]?.vm ?? '', 'console.sock'));
  await once(socket, 'connect');
  socket.write(`\nnc -ll -p ${ECHO_PORT} -e cat &\n`);
  const dial = `busybox nc ${address} ${ECHO_PORT} < /dev/null`;
  await within(20_000, 'the guest listens', () => inNetns(client(), 'sh', '-c', dial).then(() => true));
  socket.destroy();
}

/** The port of the lab's own bridge on which it last heard the guest. */
async function heardOn(): Promise<string | undefined> {
  const { stdout } = await exec('bridge', ['fdb', 'show', 'br', lab.state.network?.bridge ?? '']);
  return stdout
    .split('\n')
    .map(row => new RegExp(`^${MAC} dev (\\S+)`).exec(row)?.[1])
    .find(Boolean);
}
const port = (node: number): string => lab.state.network?.nodes[node]?.outside ?? '';

test('a client reaches a VM that is plugged into the bridge of its node, and the node itself', async () => {
  const nics = [{ bridge: VM_BRIDGE, mac: MAC }];
  await lab.runVm('node0', { name: 'vm0', memoryMib: 192, nics, cmdline: `shoal.ip=${address}/24` });
  await lab.guest('vm0');
  await within(20_000, 'the guest answers a ping', () => pings(address));
  assert.ok(await pings(lab.node('node1').address));
  await listen();
});

test('everything between a node and the lab goes through the shaper of its cable, and its bridge cuts nothing, as before a real card', async () => {
  const { netns } = lab.node('node0');
  const sent = async () => {
    const said = await inNetns(netns, 'tc', '-s', 'qdisc', 'show', 'dev', 'eth0');
    assert.match(said, /qdisc tbf .* rate 1Gbit/);
    return Number(/Sent (\d+) bytes/.exec(said)?.[1]);
  };
  const before = await sent();
  for (let i = 0; i < 5; i++)
    await inNetns(client(), 'busybox', 'ping', '-c', '1', '-s', '1400', '-W', '1', address);
  assert.ok((await sent()) - before > 5 * 1400, 'of a VM');
  for (const [dev, state] of [
    [VM_BRIDGE, 'on'],
    ['eth0', 'off'],
  ] as const) {
    const features = await inNetns(netns, 'ethtool', '-k', dev);
    assert.match(features, new RegExp(`^generic-segmentation-offload: ${state}`, 'm'), dev);
  }
  // Agents of other nodes know this one by the address of its cable, whatever VMs come and go.
  const mac = async (dev: string) =>
    /ether (\S+)/.exec(await inNetns(netns, 'ip', '-o', 'link', 'show', dev))?.[1];
  assert.is(await mac(VM_BRIDGE), await mac('eth0'));
});

test('a connection from a client to a VM outlives a move by post-copy, and waits hardly longer than the guest stands', async () => {
  const asks = spawn('nsenter', [`--net=/run/netns/${client()}`, process.execPath, '-e', ASKS, address], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  asks.stdout.on('data', text => {
    said += text;
  });
  const ended = once(asks, 'exit');
  await sleep(1000);
  await moved(lab, 'vm0', ['node0', 'node1'], 'postcopy');
  await sleep(1000);
  asks.stdin.end();
  await ended;
  const { answers, longestMs } = JSON.parse(said) as { answers: number; longestMs: number };
  assert.ok(answers > 50, said);
  assert.ok(longestMs < GAP_MAX_MS, said);
});

test('after a move the lab knows where the guest is, though the guest has said nothing', async () => {
  assert.is(await heardOn(), port(1));
  await sleep(ANNOUNCING_MS);
  await exec('bridge', ['fdb', 'del', MAC, 'dev', port(1), 'master']);
  assert.is(await heardOn(), undefined);
  const ends = moved(lab, 'vm0', ['node1', 'node0'], 'postcopy');
  await within(20_000, 'the guest is announced at its new place', async () => (await heardOn()) === port(0));
  await ends;
  assert.ok(await pings(address));
});

test.run();
