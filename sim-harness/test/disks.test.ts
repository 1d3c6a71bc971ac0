import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { labDir } from '../lab/state.ts';
import { before, moved, TWO_QEMU_NODES } from './help.ts';

const NBD_PORT = 10_809;

let lab: Lab;
const test = suite('disks');

before(test, async () => {
  lab = await bringUp({
    name: 'disks',
    ...TWO_QEMU_NODES,
  });
});
test.after(() => lab?.down());

function makeDisk(name: string): string {
  const path = join(labDir('disks'), `${name}.img`);
  execFileSync('qemu-img', ['create', '-q', '-f', 'raw', path, '64M']);
  execFileSync('mkfs.ext4', ['-q', '-F', path]);
  return path;
}

/** Whole records from the first on, read by the guest itself; a damaged one makes the command fail. */
async function records(guest: GuestPort): Promise<number> {
  const answer = await guest.command('disk /dev/vda check');
  const found = /check (\d+)$/.exec(answer);
  assert.ok(found, answer);
  return Number(found[1]);
}

async function keepsWriting(engine: string, disk: object, image: string): Promise<void> {
  await lab.runVm('node0', { name: 'writer', memoryMib: 192, disks: [disk] });
  const guest = await lab.guest('writer');
  await guest.command('disk /dev/vda start');
  await sleep(1500);
  const before = await records(guest);
  assert.ok(before > 0, 'it writes before the move');
  await moved(lab, 'writer', ['node0', 'node1'], engine);
  await sleep(1500);
  const after = await records(guest);
  assert.ok(after > before + 10, `${before} records before, ${after} after`);
  await guest.command('disk /dev/vda stop');
  // -n: look, mend nothing. Exit code 0 = clean (e2fsck(8)).
  execFileSync('e2fsck', ['-f', '-n', image], { stdio: 'pipe' });
}

test.after.each(async () => {
  const clusters = () => Promise.all(lab.nodes.map(n => n.get<ClusterStatus>('/v1/status')));
  for (const { node, vms } of await clusters())
    for (const vm of vms.filter(v => v.node === node))
      await lab.node(node).post(`/v1/vms/${vm.name}/actions/destroy`);
  while ((await clusters()).some(c => c.vms.length > 0)) await sleep(50);
});

for (const engine of ['postcopy', 'precopy']) {
  test(`a VM with a shared disk keeps writing through a move by ${engine}; its file system is clean after`, async () => {
    const image = makeDisk(`shared-${engine}`);
    await keepsWriting(engine, { id: 'data', path: image }, image);
  });
}

test('a VM with an NBD disk keeps writing through a move by postcopy; its file system is clean after', async () => {
  const image = makeDisk('nbd');
  const host = lab.state.network?.host ?? '127.0.0.1';
  const flags = [
    '-t',
    '-x',
    'data',
    '-f',
    'raw',
    '--shared=2',
    '--cache=none',
    '-b',
    host,
    '-p',
    `${NBD_PORT}`,
  ];
  const server = spawn('qemu-nbd', [...flags, image], { stdio: 'ignore' });
  try {
    await sleep(500);
    await keepsWriting('postcopy', { id: 'data', nbd: `nbd://${host}:${NBD_PORT}/data` }, image);
  } finally {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
});

test.run();
