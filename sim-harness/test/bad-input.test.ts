import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { before } from './help.ts';

let lab: Lab;
const test = suite('bad input');

before(test, async () => {
  lab = await bringUp({
    name: 'bad',
    nodes: 2,
    driver: 'qemu',
    net: 'netns',
    link: 'none',
    cores: 'none',
    mode: 'observe',
    settings: { memory: { guestMemoryMib: 512 } },
  });
  await lab.runVm('node0', { name: 'vm0', memoryMib: 400 });
});
test.after(() => lab?.down());

async function refused(ask: () => Promise<unknown>): Promise<ShoalError> {
  try {
    await ask();
  } catch (error) {
    assert.instance(error, ShoalError, String(error));
    return error as ShoalError;
  }
  throw new Error('it was not refused');
}

/** On every node, within the 3 s that any change may take to be known. */
async function nothingChanged(): Promise<void> {
  for (const node of lab.nodes) {
    assert.ok(node.alive, `${node.name} is alive`);
    const vms = async () =>
      (await node.get<ClusterStatus>('/v1/status')).vms.map(v => [v.name, v.node, v.state].join(' '));
    const untilMs = Date.now() + 3000;
    while (Date.now() < untilMs && (await vms()).join() !== 'vm0 node0 running') await sleep(50);
    assert.equal(await vms(), ['vm0 node0 running']);
  }
}

const run = (disks: object[]) => lab.runVm('node1', { name: 'vm1', memoryMib: 64, disks });

test('a VM whose disk is missing is refused, by the name of the disk', async () => {
  const missing = join(lab.node('node1').state.stateDir, 'none.img');
  const error = await refused(() => run([{ id: 'root', path: missing }]));
  assert.is(error.code, 'SHOAL_VM_SPEC');
  assert.match(error.message, /disk root/);
  assert.match(error.message, /none\.img/);
  await nothingChanged();
});

test('a VM whose disk is outside the allowed roots is refused', async () => {
  const outside = join(mkdtempSync(join(tmpdir(), 'shoal-outside-')), 'root.img');
  writeFileSync(outside, '');
  const error = await refused(() => run([{ id: 'root', path: outside }]));
  rmSync(dirname(outside), { recursive: true });
  assert.is(error.code, 'SHOAL_VM_SPEC');
  assert.match(error.message, /diskRoots/);
  await nothingChanged();
});

test('a spec with three faults names all three', async () => {
  const spec = { name: '-', memory: 'lots', colour: 'blue' };
  const error = await refused(() => lab.node('node1').post('/v1/vms', spec));
  for (const word of [/name/, /memory/, /colour/]) assert.match(error.message, word);
  await nothingChanged();
});

test('a move to an unknown node is refused', async () => {
  const move = { node: 'node9' };
  const error = await refused(() => lab.node('node0').post('/v1/vms/vm0/actions/migrate', move));
  assert.is(error.code, 'SHOAL_NODE_UNKNOWN');
  assert.is(error.where, 'node9');
  await nothingChanged();
});

test('a move to a full node is refused with its numbers', async () => {
  await lab.runVm('node1', { name: 'big', memoryMib: 200 });
  const error = await refused(() => lab.node('node0').post('/v1/vms/vm0/actions/migrate', { node: 'node1' }));
  assert.is(error.code, 'SHOAL_NODE_FULL');
  assert.match(error.message, /400 MiB.*312 MiB/);
  await lab.node('node1').post('/v1/vms/big/actions/destroy');
  await nothingChanged();
});

test('a change over TCP is refused and says where it is taken', async () => {
  const response = await fetch(`${lab.node('node0').state.http}/v1/vms/vm0/actions/stop`, { method: 'POST' });
  assert.is(response.status, 403);
  const problem = (await response.json()) as { code: string };
  assert.is(problem.code, 'SHOAL_HTTP_NEEDS_SOCKET');
  await nothingChanged();
});

test.run();
