import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collect, longestGapMs } from '../bench/ticks.ts';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, moved, within } from './help.ts';

/** What every node says about who runs where; ages and figures differ from second to second. */
const shape = (s: ClusterStatus) =>
  JSON.stringify({
    nodes: s.nodes.map(n => [n.name, n.state, n.cordoned]),
    vms: s.vms.map(v => [v.name, v.node, v.state, v.epoch]),
  });

let lab: Lab;
const test = suite('three nodes');

before(test, async () => {
  lab = await bringUp({
    name: 'three',
    nodes: 3,
    driver: 'qemu',
    net: 'netns',
    link: '1gbit',
    cores: 'none',
    mode: 'observe',
  });
});
test.after(() => lab?.down());

const all = () => Promise.all(lab.nodes.filter(n => n.alive).map(n => n.get<ClusterStatus>('/v1/status')));
const agree = (what: string, holds: (s: ClusterStatus) => boolean) =>
  within(3000, what, async () => {
    const seen = await all();
    return seen.every(s => shape(s) === shape(seen[0] as ClusterStatus) && holds(s));
  });
const vmOn = (node: string, state: string) => (s: ClusterStatus) =>
  s.vms.some(v => v.name === 'vm0' && v.node === node && v.state === state);

test('every node tells the same cluster within 3 s of a VM being started', async () => {
  await lab.runVm('node0', { name: 'vm0', memoryMib: 192 });
  await agree('vm0 runs on node0', vmOn('node0', 'running'));
});

test('a node that is cordoned is cordoned for everybody within 3 s', async () => {
  await lab.node('node2').post('/v1/node/actions/cordon');
  await agree('node2 is cordoned', s => s.nodes.some(n => n.name === 'node2' && n.cordoned));
  await lab.node('node2').post('/v1/node/actions/uncordon');
  await agree('node2 is not', s => s.nodes.every(n => !n.cordoned));
});

for (const [engine, to] of [
  ['postcopy', 'node1'],
  ['precopy', 'node2'],
] as const) {
  test(`a VM moved by ${engine} is on its new node for everybody, and its memory is whole`, async () => {
    const guest = await lab.guest('vm0');
    await guest.command('fill 64');
    const from = (await all())[0]?.vms.find(v => v.name === 'vm0')?.node ?? '';
    await moved(lab, 'vm0', [from, to], engine);
    await agree(`vm0 is on ${to}`, vmOn(to, 'running'));
    assert.is(await guest.verify(100), 0);
    assert.is(lab.processes(from).vmms.length, 0, 'nothing of it is left at the source');
    assert.is(lab.processes(from).pageServers.length, 0);
  });
}

test('an agent that is killed and started again adopts its VM, which never noticed', async () => {
  const guest = await lab.guest('vm0');
  await guest.command('ticks 10');
  const { ticks, stop } = collect(guest, () => clock.nowMs());
  await sleep(500);
  const [before] = lab.processes('node2').vmms;
  await lab.node('node2').kill();
  await agree('node2 is stale for the others', s =>
    s.nodes.some(n => n.name === 'node2' && n.state === 'stale'),
  );
  lab.node('node2').start();
  await lab.node('node2').ready();
  await within(15_000, 'all see it again', async () => (await all()).every(vmOn('node2', 'running')));
  await sleep(500);
  stop();
  await guest.command('ticks 0');
  const [after] = lab.processes('node2').vmms;
  assert.equal(after, before, 'the same process');
  assert.is(
    (await lab.node('node2').get<ClusterStatus>('/v1/status')).vms.find(v => v.name === 'vm0')?.epoch,
    3,
  );
  assert.ok(longestGapMs(ticks) < 2000, `longest gap ${longestGapMs(ticks)} ms`);
});

test.run();
