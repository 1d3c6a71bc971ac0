import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@shoal/agent/config/config';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupPlan } from './cgroups.ts';
import { agentConfig, type LabOptions } from './config.ts';
import type { LabState, NodeState } from './state.ts';

const ID = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp';
const node = (layout: 'v1' | 'none'): NodeState => ({
  name: 'node0',
  index: 0,
  address: '198.18.0.1',
  http: 'http://198.18.0.1:7421',
  peerId: ID,
  stateDir: '/state',
  runDir: '/run/shoal-x/n0',
  ramDir: '/dev/shm/shoal-x/n0',
  config: '',
  log: '',
  netns: '',
  cgroups: cgroupPlan(layout, 'x', 0),
  core: -1,
  agentArgs: [],
  agent: undefined,
});
const options: LabOptions = { nodes: 1, driver: 'qemu', net: 'loopback', link: 'none', cores: 'none' };

async function read(layout: 'v1' | 'none', more: Partial<LabOptions>) {
  const one = node(layout);
  const lab = { name: 'x', nodes: [one], notes: [], controllers: [] } as unknown as LabState;
  const dir = mkdtempSync(join(tmpdir(), 'shoal-lab-config-'));
  try {
    writeFileSync(join(dir, 'shoal.yaml'), agentConfig(one, lab, { ...options, ...more }, undefined));
    return await loadConfig(join(dir, 'shoal.yaml'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('the agent takes the configuration of a lab node, and its CPU figure is that of its cgroup', async () => {
  const config = await read('v1', {});
  assert.is(config.cpu.source, 'cgroup');
  assert.is(config.cpu.cgroup, '/sys/fs/cgroup/cpuacct/shoal-x/n0');
  assert.is(config.cpu.vmCgroups.length, 3);
  assert.is(config.control.socket, '/run/shoal-x/n0/shoald.sock');
  assert.is((await read('none', {})).cpu.source, 'host');
});

test('window, memory, silence, engine and rule of a lab reach its agents', async () => {
  const config = await read('none', {
    windowMs: 2000,
    guestMemoryMib: 512,
    staleAfterMs: 2500,
    engine: 'precopy',
    policy: { overloadPercent: 77 },
    settings: { policy: { idlePercent: 11 }, pinMinutes: 0 },
  });
  const { mesh, memory, windowMs, migration, policy, pinMinutes } = config;
  assert.equal(
    [windowMs, memory.guestMemoryMib, mesh.staleAfterMs, migration.engine, pinMinutes],
    [2000, 512, 2500, 'precopy', 0],
  );
  assert.equal([policy.overloadPercent, policy.idlePercent], [77, 11]);
});

test('VMs may be plugged into the bridge of a lab that has one, and into no other', async () => {
  assert.equal((await read('none', { vmBridge: true })).vms.bridges, ['br0']);
  assert.equal((await read('none', {})).vms.bridges, []);
});

test.run();
