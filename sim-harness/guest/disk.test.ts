import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShoalError } from '@shoal/agent';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { debianHash } from './debian.ts';
import { copyDisk, diskHash, ensureGuestDisk, type GuestFile } from './disk.ts';

const JOB: GuestFile = { path: '/shoal/jobs/a', text: 'exit 0\n', mode: 0o755 };
const PAGE: GuestFile = { path: '/shoal/bank/page', text: 'hello\n', mode: 0o644 };
const TWO_DAYS_MS = 2 * 86_400_000;

/** A cache in which Debian is one file. */
const cacheDir = mkdtempSync(join(tmpdir(), 'shoal-guest-disk-'));
const test = suite('root disk of guests');
test.before(() => {
  const tree = join(cacheDir, 'tree');
  mkdirSync(join(tree, 'etc'), { recursive: true });
  writeFileSync(join(tree, 'etc', 'debian_version'), '12\n');
  execFileSync('tar', ['-C', tree, '-cf', join(cacheDir, `debian-${debianHash()}.tar`), '.']);
});
test.after(() => rmSync(cacheDir, { recursive: true }));

const debugfs = (image: string, request: string): string =>
  execFileSync('debugfs', ['-R', request, image], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

test('a disk is another one when anything in it is, and the same however its files are named', () => {
  const all = [
    diskHash([JOB, PAGE]),
    diskHash([JOB]),
    diskHash([JOB, { ...PAGE, text: 'hello' }]),
    diskHash([JOB, { ...PAGE, mode: 0o600 }]),
    diskHash([JOB, { ...PAGE, path: '/shoal/bank/other' }]),
    diskHash([JOB, PAGE], 'another Debian'),
  ];
  assert.is(new Set(all).size, all.length);
  assert.is(diskHash([PAGE, JOB]), all[0]);
});

test('a disk has Debian and the files of experiments on a whole file system, and is made once', async () => {
  const said: string[] = [];
  const make = () => ensureGuestDisk({ files: [JOB, PAGE], cacheDir, progress: line => said.push(line) });
  const { disk, cached } = await make();
  assert.equal([cached, said], [false, ['packing the root disk']]);
  assert.is(debugfs(disk, 'cat /etc/debian_version'), '12\n');
  assert.is(debugfs(disk, 'cat /shoal/bank/page'), 'hello\n');
  assert.match(debugfs(disk, 'stat /shoal/jobs/a'), /Mode: +0755/);
  execFileSync('e2fsck', ['-f', '-n', disk], { stdio: 'pipe' });
  assert.equal(await make(), { disk, cached: true });
  assert.is(said.length, 1);
});

test('a VM gets a disk of its own: the same bytes, and no more of them on the disk than there are', async () => {
  const { disk } = await ensureGuestDisk({ files: [JOB], cacheDir });
  const own = join(cacheDir, 'vm.img');
  await copyDisk(disk, own);
  execFileSync('cmp', [own, disk]);
  const { size, blocks } = statSync(own);
  assert.ok(blocks * 512 < size / 4, `${blocks * 512} of ${size} bytes`);
});

test('a disk that nobody has used for long goes when another one is made', async () => {
  const { disk: old } = await ensureGuestDisk({ files: [PAGE], cacheDir });
  const { disk: used } = await ensureGuestDisk({ files: [JOB], cacheDir });
  const then = new Date(Date.now() - TWO_DAYS_MS);
  for (const disk of [old, used]) utimesSync(disk, then, then);
  await ensureGuestDisk({ files: [JOB], cacheDir });
  await ensureGuestDisk({ files: [], cacheDir });
  const again = [old, used].map(disk => statSync(disk, { throwIfNoEntry: false }) !== undefined);
  assert.equal(again, [false, true]);
});

test('a file that would lie outside of the folder of experiments is refused', async () => {
  for (const path of ['/etc/passwd', '/shoal/../etc/passwd', 'shoal/x']) {
    const end = await ensureGuestDisk({ files: [{ ...PAGE, path }], cacheDir }).then(
      () => 'made',
      (error: ShoalError) => `${error.code} ${error.where}`,
    );
    assert.is(end, `SHOAL_GUEST_BUILD ${path}`);
  }
});

test.run();
