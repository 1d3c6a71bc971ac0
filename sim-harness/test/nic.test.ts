import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, moved, TWO_QEMU_NODES, within } from './help.ts';
import { BRIDGE, Outside } from './outside.ts';

const MAC = '52:54:00:aa:bb:cc';
const ADDRESS = '10.213.0.2';
/** Longer than all announcements of one move take: five of them, 50 to 450 ms apart. */
const ANNOUNCING_MS = 3000;

let lab: Lab;
let outside: Outside;
const test = suite('network cards');

before(test, async () => {
  lab = await bringUp({
    name: 'nic',
    ...TWO_QEMU_NODES,
    settings: { vms: { bridges: [BRIDGE] }, migration: { switchTimeoutMs: 5000 } },
  });
  outside = new Outside(lab, MAC);
});
test.after(async () => {
  await lab?.down();
  await outside?.remove();
});

test('a VM has its card on the bridge of its node', async () => {
  await lab.runVm('node0', {
    name: 'vm0',
    memoryMib: 192,
    nics: [{ bridge: BRIDGE, mac: MAC }],
    cmdline: `shoal.ip=${ADDRESS}/24`,
  });
  await lab.guest('vm0');
  await within(20_000, 'the switch hears the guest', () => outside.heardOn() === outside.port(0));
  await within(20_000, 'the guest is reached from outside', () => outside.pings(ADDRESS));
  assert.is(outside.taps(0).length, 1);
});

for (const [engine, from, to] of [
  ['postcopy', 0, 1],
  ['precopy', 1, 0],
] as const) {
  test(`after a move by ${engine} the guest is announced: the switch knows its new port, though the guest said nothing`, async () => {
    // A move before may still be announced.
    await sleep(ANNOUNCING_MS);
    outside.forget();
    assert.is(outside.heardOn(), undefined, 'a guest that has nothing to say is not heard of by itself');
    const announced = outside.countAnnouncements(to);
    const ends = moved(lab, 'vm0', [`node${from}`, `node${to}`], engine);
    await within(20_000, 'the guest is announced at its new place', () => announced() > 0);
    assert.is(outside.heardOn(), outside.port(to));
    await ends;
    assert.equal(
      [outside.taps(from).length, outside.taps(to).length],
      [0, 1],
      'its card at the source is gone',
    );
  });
}

test('a guest that is taken back is announced: a switch that thinks it is at the target finds it again', async () => {
  await (await lab.guest('vm0')).command('fill 64');
  await sleep(ANNOUNCING_MS);
  const announced = outside.countAnnouncements(0);
  const { handoff } = await lab
    .node('node0')
    .post<{ handoff: string }>('/v1/vms/vm0/actions/migrate', { node: 'node1', engine: 'precopy' });
  const at = (node: string) => lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`);
  const target = lab.node('node1').pid ?? Number.NaN;
  await within(20_000, 'the memory is on its way', async () => (await at('node0')).at.migrate >= 0);
  // The target's VMM loads all of it, and nobody there says so: the source has to decide alone.
  process.kill(target, 'SIGSTOP');
  outside.mislead(1);
  try {
    await within(60_000, 'the source gave up', async () => (await at('node0')).outcome === 'aborted');
  } finally {
    process.kill(target, 'SIGCONT');
  }
  await within(20_000, 'the guest is announced where it runs', () => announced() > 0);
  assert.is(outside.heardOn(), outside.port(0));
  await within(20_000, 'the guest is reached from outside', () => outside.pings(ADDRESS));
  await within(60_000, 'the target has let go of it', async () => (await at('node1')).outcome === 'aborted');
  assert.equal([outside.taps(0).length, outside.taps(1).length], [1, 0]);
});

test('a VM that is destroyed leaves no card', async () => {
  await lab.node('node0').post('/v1/vms/vm0/actions/destroy');
  assert.equal(outside.taps(0), []);
  const { vms } = await lab.node('node0').get<ClusterStatus>('/v1/status');
  assert.equal(vms, []);
});

test.run();
