import { execFileSync } from 'node:child_process';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { moved, within } from './help.ts';

const MAC = '52:54:00:aa:bb:cc';
const BRIDGE = 'vmbr';
/** The switch that the nodes' bridges hang on, outside of them. */
const SWITCH = 'shlnicsw';
const PORTS = ['shlnicp0', 'shlnicp1'] as const;

let lab: Lab;
const test = suite('network cards');

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const netns = (node: number): string => lab.state.network?.nodes[node]?.netns ?? '';
const inNode = (node: number, ...args: string[]): string =>
  execFileSync('ip', ['netns', 'exec', netns(node), ...args], { encoding: 'utf8' });

test.before(async () => {
  lab = await bringUp({
    name: 'nic',
    nodes: 2,
    driver: 'qemu',
    net: 'netns',
    link: '1gbit',
    cores: 'none',
    mode: 'observe',
    settings: { vms: { bridges: [BRIDGE] } },
  });
  ip('link', 'add', SWITCH, 'type', 'bridge');
  ip('link', 'set', SWITCH, 'up');
  for (const [i, port] of PORTS.entries()) {
    ip('link', 'add', port, 'type', 'veth', 'peer', 'uplink', 'netns', netns(i));
    ip('link', 'set', port, 'master', SWITCH, 'up');
    inNode(i, 'ip', 'link', 'add', BRIDGE, 'type', 'bridge');
    inNode(i, 'ip', 'link', 'set', 'uplink', 'master', BRIDGE, 'up');
    inNode(i, 'ip', 'link', 'set', BRIDGE, 'up');
  }
});
test.after(async () => {
  await lab?.down();
  for (const name of [SWITCH, ...PORTS]) {
    try {
      execFileSync('ip', ['link', 'del', name], { stdio: 'ignore' });
    } catch {
      // The ports went with the nodes' ends of them.
    }
  }
});

/** The port on which the switch last heard the guest's address. */
function heardOn(): string | undefined {
  const rows = execFileSync('bridge', ['fdb', 'show', 'br', SWITCH], { encoding: 'utf8' }).split('\n');
  return rows.map(row => new RegExp(`^${MAC} dev (\\S+)`).exec(row)?.[1]).find(Boolean);
}
const taps = (node: number): string[] =>
  inNode(node, 'ip', '-o', 'link', 'show', 'type', 'tun')
    .split('\n')
    .flatMap(row => /^\d+: ([^:@]+)/.exec(row)?.[1] ?? []);

test('a VM has its card on the bridge of its node', async () => {
  await lab.runVm('node0', {
    name: 'vm0',
    memoryMib: 192,
    nics: [{ bridge: BRIDGE, mac: MAC }],
    cmdline: 'shoal.ip=10.213.0.2/24',
  });
  await lab.guest('vm0');
  await within(20_000, 'the switch hears the guest', () => heardOn() === PORTS[0]);
  assert.is(taps(0).length, 1);
});

for (const [engine, from, to] of [
  ['postcopy', 0, 1],
  ['precopy', 1, 0],
] as const) {
  test(`after a move by ${engine} the guest is announced: the switch knows its new port, though the guest said nothing`, async () => {
    execFileSync('bridge', ['fdb', 'del', MAC, 'dev', PORTS[from], 'master']);
    assert.is(heardOn(), undefined, 'a guest that has nothing to say is not heard of by itself');
    const ends = moved(lab, 'vm0', [`node${from}`, `node${to}`], engine);
    await within(20_000, 'the switch hears the guest at its new place', () => heardOn() === PORTS[to]);
    await ends;
    assert.equal([taps(from).length, taps(to).length], [0, 1], 'its card at the source is gone');
  });
}

test('a VM that is destroyed leaves no card', async () => {
  await lab.node('node0').post('/v1/vms/vm0/actions/destroy');
  assert.equal(taps(0), []);
  const { vms } = await lab.node('node0').get<ClusterStatus>('/v1/status');
  assert.equal(vms, []);
});

test.run();
