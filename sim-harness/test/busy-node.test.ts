import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { before } from './help.ts';

const WATCH_MS = 15_000;
const LOOK_EVERY_MS = 200;

let lab: Lab;
const test = suite('busy node');

before(test, async () => {
  lab = await bringUp({
    name: 'busy',
    nodes: 2,
    driver: 'qemu',
    net: 'netns',
    link: 'none',
    cores: 'own',
    mode: 'observe',
  });
  for (const name of ['vm0', 'vm1']) {
    await lab.runVm('node0', { name, memoryMib: 128 });
    await (await lab.guest(name)).command('load 100');
  }
});
test.after(() => lab?.down());

test('a node whose VMs want its core twice over samples and reports on, and its peer never calls it stale', async () => {
  await sleep(11_000); // a window
  const ages: number[] = [];
  const sums: number[] = [];
  for (let spentMs = 0; spentMs < WATCH_MS; spentMs += LOOK_EVERY_MS) {
    const seen = await lab.node('node1').get<ClusterStatus>('/v1/status');
    const node = seen.nodes.find(n => n.name === 'node0');
    assert.is(node?.state, 'awake');
    ages.push(node?.ageMs ?? Number.POSITIVE_INFINITY);
    sums.push(seen.vms.filter(v => v.node === 'node0').reduce((sum, v) => sum + v.cpuPercent, 0));
    await sleep(LOOK_EVERY_MS);
  }
  assert.ok(Math.max(...ages) < 2500, `oldest report ${Math.max(...ages)} ms`);
  // How much of the core is theirs depends on who else runs on this machine.
  assert.ok(Math.min(...sums) > 20, `its VMs take ${Math.min(...sums)} % of the core, by its own reports`);
  assert.ok(Math.max(...sums) <= 105, `two VMs cannot take ${Math.max(...sums)} % of one core`);
});

test('a change on the full node is still taken within 3 s', async () => {
  const beganMs = Date.now();
  await lab.node('node0').post('/v1/node/actions/cordon');
  let known = false;
  while (!known && Date.now() - beganMs < 3000) {
    const seen = await lab.node('node1').get<ClusterStatus>('/v1/status');
    known = seen.nodes.some(n => n.name === 'node0' && n.cordoned);
  }
  assert.ok(known, 'node1 knows of it');
});

test.run();
