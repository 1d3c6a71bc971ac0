import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { firstFreeSubnet, linksOf, networkPlan, vmAddress } from './network.ts';

test('interfaces of all nodes of all labs have different names of at most 15 letters', () => {
  const plans = [
    networkPlan('abc', 64, 11, 'none', { clients: 40 }),
    networkPlan('abc1', 64, 1),
    networkPlan('averylongone', 64, 511, 'none', { clients: 40 }),
    networkPlan('averylongtwo', 64, 510),
  ];
  const names = plans.flatMap(plan => [plan.bridge, ...linksOf(plan).map(link => link.outside)]);
  assert.is(new Set(names).size, names.length);
  assert.ok(names.every(name => name.length <= 15));
});

test('nodes have addresses of the range for benchmarks, and the host the last one', () => {
  const { host, nodes } = networkPlan('x', 2, 0);
  assert.equal([...nodes.map(n => n.address), host], ['198.18.0.1', '198.18.0.2', '198.18.0.254']);
  assert.is(networkPlan('x', 1, 256).host, '198.19.0.254');
});

test('nodes, VMs, clients and the host have different addresses of one subnet', () => {
  const plan = networkPlan('x', 64, 0, 'none', { clients: 40, vmBridge: true });
  const vms = Array.from({ length: 100 }, (_, i) => vmAddress(plan, i));
  const all = [...linksOf(plan).map(link => link.address), ...vms, plan.host];
  assert.is(new Set(all).size, 64 + 40 + 100 + 1);
  assert.ok(all.every(address => /^198\.18\.0\.([1-9]\d?|1\d\d|2[0-4]\d|25[0-4])$/.test(address)));
  assert.equal([vms[0], plan.clients?.[0]?.address], ['198.18.0.100', '198.18.0.201']);
  for (const index of [-1, 100, 0.5]) assert.throws(() => vmAddress(plan, index), /addresses for 100 VMs/);
});

test('nodes have a bridge for VMs, and namespaces of clients are there, only where the lab asks for them', () => {
  const plain = networkPlan('x', 2, 0);
  assert.equal([plain.vmBridge, plain.clients], [undefined, []]);
  const both = networkPlan('x', 2, 0, '1gbit', { clients: 1, vmBridge: true });
  assert.equal([both.vmBridge, both.clients?.[0]?.netns], ['br0', 'shoal-x-c0']);
  const { clients, ...earlier } = both;
  assert.equal(linksOf(earlier), both.nodes, 'an earlier version wrote down no clients');
});

test('a link without a rate is not called shaped', () => {
  assert.is(networkPlan('x', 2, 0, 'none').shaped, false);
  assert.is(networkPlan('x', 2, 0, '1gbit').shaped, true);
});

test('a lab takes the first subnet that nobody has', () => {
  assert.is(firstFreeSubnet('inet 10.0.0.1/8\ninet 127.0.0.1/8'), 0);
  assert.is(firstFreeSubnet('inet 198.18.0.254/24\n198.18.1.0/24 dev x'), 2);
  assert.is(firstFreeSubnet('inet 198.18.0.7/32'), 1);
  assert.is(firstFreeSubnet('inet 198.18.10.1/24'), 0);
});

test('a VPN on 198.18.0.1/16 sends the lab to 198.19, a default route takes nothing', () => {
  assert.is(firstFreeSubnet('inet 198.18.0.1/16 scope global tun0'), 256);
  assert.is(firstFreeSubnet('0.0.0.0/0 via 10.0.0.1'), 0);
  assert.is(firstFreeSubnet('inet 198.18.7.1/24', 7), 8, 'who begins elsewhere finds another one');
  assert.is(firstFreeSubnet('inet 198.19.255.1/24', 511), 0);
});

test('a machine on which the whole range is taken gets one clear error', () => {
  assert.throws(
    () => firstFreeSubnet('198.18.0.0/15 dev tun0'),
    (error: { code: string }) => error.code === 'SHOAL_LAB_NETWORK',
  );
});

test.run();
