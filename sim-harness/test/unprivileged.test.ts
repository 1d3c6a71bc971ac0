import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShoalError } from '@shoal/agent';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ensureGuestImage } from '../guest/image.ts';
import { CMDLINE } from '../guest/init.ts';
import { repositoryRoot } from '../guest/root.ts';
import { CHANNEL } from '../lab/guest-port.ts';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, moved, TWO_QEMU_NODES } from './help.ts';

/** Of nobody on any machine: what is not given to it by number, it has not. */
const USER = { uid: 64_123, gid: 64_124 };

let lab: Lab;
const test = suite('unprivileged VMs');

/** All that this user must read: the tree itself may be in a home that is closed to others. */
const open = mkdtempSync(join(tmpdir(), 'shoal-unpriv-'));
process.on('exit', () => rmSync(open, { recursive: true, force: true }));
const native = join(repositoryRoot(), 'agent', 'native', 'target', 'release');

before(test, async () => {
  const { kernel, initrd } = await ensureGuestImage();
  for (const [from, to] of [
    [kernel, 'vmlinuz'],
    [initrd, 'initrd'],
    ...['shoal-pages', 'libshoal-uffd.so'].map(name => [join(native, name), name] as const),
  ] as const)
    copyFileSync(from, join(open, to));
  chmodSync(open, 0o711);
  lab = await bringUp({
    name: 'unpriv',
    ...TWO_QEMU_NODES,
    settings: { native: { dir: open }, vms: { runAs: USER, diskRoots: [open], kernelRoots: [open] } },
  });
});
test.after(() => lab?.down());

const disk = (name: string, mine: boolean): string => {
  const path = join(open, `${name}.img`);
  writeFileSync(path, Buffer.alloc(2 ** 20), { mode: 0o600 });
  if (mine) chownSync(path, USER.uid, USER.gid);
  return path;
};

const run = (name: string, disks: object[]): Promise<{ vm: string }> =>
  lab.node('node0').post('/v1/vms', {
    name,
    memory: '192MiB',
    channels: [CHANNEL],
    boot: {
      kernel: join(open, 'vmlinuz'),
      initrd: join(open, 'initrd'),
      cmdline: CMDLINE,
    },
    disks,
  });

/** User and groups of a process: real, effective, saved, file system (proc(5), status). */
function whoIs(pid: number): { uids: number[]; gids: number[]; groups: number[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const numbers = (key: string) =>
    (new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/).filter(Boolean).map(Number);
  return { uids: numbers('Uid'), gids: numbers('Gid'), groups: numbers('Groups') };
}

function runsAsUser(node: string): void {
  const [vmm, ...more] = lab.processes(node).vmms;
  assert.ok(vmm && more.length === 0);
  const { uids, gids, groups } = whoIs(vmm.pid);
  assert.equal([...new Set(uids)], [USER.uid]);
  assert.equal([...new Set(gids)], [USER.gid]);
  assert.ok(!groups.includes(0), `groups ${groups}`);
}

test('a VM runs as the user that is configured, and so do its files', async () => {
  const disks = [{ id: 'data', path: disk('mine', true) }];
  const { vm } = await run('vm0', disks);
  runsAsUser('node0');
  const ram = statSync(join(lab.node('node0').state.ramDir, `${vm}.ram`));
  assert.equal([ram.uid, ram.gid, ram.mode & 0o777], [USER.uid, USER.gid, 0o600]);
  assert.is(
    statSync(join(lab.node('node0').runDir, 'vms', `${vm}.pid`)).uid,
    0,
    'what the agent believes is its own',
  );
});

for (const [engine, from, to] of [
  ['postcopy', 'node0', 'node1'],
  ['precopy', 'node1', 'node0'],
  ['postcopy', 'node0', 'node1'],
] as const) {
  test(`it moves by ${engine} to ${to}, runs as that user there too, and its memory is whole`, async () => {
    const guest = await lab.guest('vm0');
    await guest.command('fill 64');
    await moved(lab, 'vm0', [from, to], engine);
    runsAsUser(to);
    assert.is(await guest.verify(100), 0);
    assert.equal(lab.processes(from), { vmms: [], pageServers: [] }, 'nothing of it is left at the source');
  });
}

test('a disk that is closed to that user is refused before anything is started', async () => {
  const disks = [{ id: 'data', path: disk('theirs', false) }];
  const error: ShoalError = await run('vm1', disks).then(
    () => assert.unreachable(),
    e => e,
  );
  assert.is(error.code, 'SHOAL_VM_SPEC');
  assert.match(
    error.message,
    /disk data: .*theirs\.img may not be read by the user that runs VMs .* uid 64123/,
  );
  const { vms } = await lab.node('node0').get<ClusterStatus>('/v1/status');
  assert.not(vms.some(v => v.name === 'vm1'));
});

test.run();
