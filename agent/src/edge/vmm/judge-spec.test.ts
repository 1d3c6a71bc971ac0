import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AllowLists, judgeSpec } from './judge-spec.ts';
import { parseVmSpec } from './spec.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-judge-'));
const roots = {
  disks: join(dir, 'disks'),
  kernels: join(dir, 'kernels'),
  outside: join(dir, 'disks-outside'),
};
const file = (path: string, mode = 0o644) => {
  writeFileSync(path, 'x');
  chmodSync(path, mode);
  return path;
};
test.before(() => {
  for (const path of Object.values(roots)) mkdirSync(path);
  chmodSync(dir, 0o755);
});
test.after(() => rmSync(dir, { recursive: true }));

const ALLOW: AllowLists = {
  drivers: ['qemu'],
  machines: ['pc', 'microvm'],
  diskRoots: [roots.disks],
  kernelRoots: [roots.kernels],
  nbdHosts: ['store', 'other:1234', '[::1]'],
  bridges: ['lo', 'none0'],
  ramDir: '/dev/shm',
  postcopy: true,
  runAs: undefined,
};
const judge = (more: object, allow: Partial<AllowLists> = {}) => {
  const spec = {
    name: 'web1',
    memory: '16MiB',
    disks: [{ path: file(join(roots.disks, 'a.img')) }],
    ...more,
  };
  return judgeSpec(parseVmSpec(spec, '00000000-0000-4000-8000-000000000001'), { ...ALLOW, ...allow });
};
const disk = (path: string, more: object = {}) => judge({ disks: [{ id: 'root', path, ...more }] });

test('a VM that is all within the allowed lists has no fault', async () => {
  assert.equal(await judge({}), []);
  assert.equal(await judge({ boot: { kernel: file(join(roots.kernels, 'k')) } }), []);
});

test('a disk leaves its root neither by a link, nor by .., nor by a neighbour of a like name', async () => {
  const outside = file(join(roots.outside, 'b.img'));
  const link = join(roots.disks, 'link.img');
  symlinkSync(outside, link);
  for (const path of [outside, link, `${roots.disks}/../disks-outside/b.img`])
    assert.match(
      (await disk(path)).join(),
      /disk root: .* is outside the allowed directories \(vms\.diskRoots/,
    );
  symlinkSync(join(roots.disks, 'a.img'), join(roots.outside, 'in.img'));
  assert.equal(await disk(join(roots.outside, 'in.img')), [], 'what counts is where the bytes are');
  assert.match((await disk('a.img')).join(), 'no absolute path');
  assert.match((await disk(roots.disks)).join(), 'outside');
  mkdirSync(join(roots.disks, 'sub'));
  assert.match((await disk(join(roots.disks, 'sub'))).join(), 'is a directory');
});

test('an image of qcow2 that refers to another file is refused: the node would open whatever it names', async () => {
  const qemuImg = (...args: string[]) => execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...args]);
  const [alone, backed, apart] = ['alone', 'backed', 'apart'].map(n => join(roots.disks, `${n}.qcow2`)) as [
    string,
    string,
    string,
  ];
  qemuImg(alone, '1M');
  qemuImg('-b', '/etc/hostname', '-F', 'raw', backed);
  qemuImg('-o', `data_file=${join(roots.outside, 'data')}`, apart, '1M');
  const qcow2 = { format: 'qcow2' };
  assert.equal(await disk(alone, qcow2), []);
  assert.match((await disk(backed, qcow2)).join(), /backed\.qcow2 has a backing file/);
  assert.match((await disk(apart, qcow2)).join(), /apart\.qcow2 keeps its data in another file/);
  assert.match((await disk(join(roots.disks, 'a.img'), qcow2)).join(), 'is no qcow2 image');
  assert.equal(await disk(backed), [], 'as raw it is bytes like any others');
});

for (const [nbd, fault] of [
  ['nbd://store/data', ''],
  ['nbd://store:10810/data', ''],
  ['nbd://other:1234/data', ''],
  ['nbd://[::1]/data', ''],
  ['nbd://other/data', 'NBD other:10809 is not allowed on this node (vms.nbdHosts: store'],
  ['nbd://evil/data', 'NBD evil:10809 is not allowed'],
  ['nbd://store,server.host=evil/data', 'is no NBD address'],
  ['nbd://store/data?tls=no', 'is no NBD address'],
  ['nbd://user@store/data', 'is no NBD address'],
  ['http://store/data', 'is no NBD address'],
  ['store', 'is no NBD address'],
  ['nbd+unix:///data?socket=/run/x', 'NBD over unix sockets is not allowed'],
] as const) {
  test(`the NBD address ${nbd} is ${fault ? 'refused' : 'taken'}`, async () => {
    const found = (await judge({ disks: [{ nbd }] })).join();
    if (fault) assert.ok(found.includes(fault), found);
    else assert.is(found, '');
  });
}

test('a unix socket of an NBD server must be below a disk root', async () => {
  const nbd = `nbd+unix:///data?socket=${file(join(roots.outside, 'nbd.sock'))}`;
  const found = await judge({ disks: [{ nbd }] }, { nbdHosts: ['unix'] });
  assert.match(found.join(), /socket .* is outside the allowed directories/);
});

test('a card needs a bridge that is allowed, there, and a bridge', async () => {
  const nic = async (bridge: string) => (await judge({ nics: [{ bridge }] })).join();
  assert.match(await nic('br7'), /bridge br7 is not allowed .*; ?|bridge br7 does not exist/);
  assert.is(await nic('none0'), 'bridge none0 does not exist');
  assert.is(await nic('lo'), 'bridge lo is no bridge, but another network device');
});

test('more vCPUs than the node has cores, more serial ports than the machine has, more memory than is free: refused', async () => {
  const cores = cpus().length;
  assert.match(
    (await judge({ vcpus: cores + 1 })).join(),
    `${cores + 1} vCPUs are more than the ${cores} cores`,
  );
  assert.match((await judge({ machine: 'microvm', channels: ['work'] })).join(), 'microvm has 1 serial port');
  assert.match((await judge({ memory: '9999GiB' })).join(), /\/dev\/shm has \d+ MiB free, .* needs 10238976/);
  assert.match((await judge({ machine: 'q35' })).join(), 'machine q35 is not allowed');
  assert.match((await judge({}, { postcopy: false })).join(), 'use migration: precopy');
});

test('all that hinders a VM is told at once', async () => {
  const found = await judge({ machine: 'q35', nics: [{ bridge: 'none0' }], disks: [{ path: '/none' }] });
  assert.is(found.length, 3, found.join('; '));
});

if (process.getuid?.() === 0) {
  test('a file that is closed to the user that VMs run as is told, though the agent may open it', async () => {
    const runAs = { uid: 65_533, gid: 65_533 };
    const as = (path: string, more: object = {}) =>
      judge({ disks: [{ id: 'root', path, ...more }] }, { runAs }).then(f => f.join());
    const secret = file(join(roots.disks, 'secret.img'), 0o600);
    const readable = file(join(roots.disks, 'readable.img'), 0o644);
    assert.match(
      await as(secret),
      /secret\.img may not be read by the user that runs VMs \(vms\.runAs: uid 65533/,
    );
    assert.match(await as(readable), /readable\.img may not be written by the user/);
    assert.is(await as(readable, { readOnly: true }), '');
    chmodSync(roots.disks, 0o700);
    assert.match(await as(readable, { readOnly: true }), 'may not be read', 'the way there counts too');
    chmodSync(roots.disks, 0o755);
  });
}

test.run();
