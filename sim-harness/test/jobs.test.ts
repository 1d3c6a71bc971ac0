/** Debian with a compiler, made once by debootstrap: the first run takes minutes and needs root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COMPILE_JOB, COMPILE_QUICK_JOB } from '../experiments/compile/files.ts';
import { ensureExperimentDisk } from '../experiments/guest-disk.ts';
import { copyDisk } from '../guest/disk.ts';
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { before, moved, TWO_QEMU_NODES, within } from './help.ts';

/** Ten times what the quick build takes alone. */
const BUILD_MAX_MS = 300_000;

let lab: Lab;
let base = '';
const test = suite('jobs on a root disk');
const asRoot = process.getuid?.() === 0 ? test : test.skip;

before(test, async () => {
  if (process.getuid?.() !== 0) return;
  base = (await ensureExperimentDisk(line => process.stderr.write(`${line}\n`))).disk;
  lab = await bringUp({ name: 'jobs', ...TWO_QEMU_NODES });
});
test.after(() => lab?.down());

async function guestWithDisk(name: string): Promise<{ guest: GuestPort; image: string }> {
  const image = join(lab.dir, `${name}.img`);
  await copyDisk(base, image);
  await lab.runVm('node0', {
    name,
    memoryMib: 384,
    disks: [{ id: 'root', path: image }],
    cmdline: 'shoal.root=/dev/vda',
  });
  return { guest: await lab.guest(name), image };
}

/** The guest has let go of its disk by itself, as if nothing had been running. */
async function powersDownCleanly(node: string, name: string, image: string): Promise<void> {
  assert.equal(await lab.node(node).post(`/v1/vms/${name}/actions/stop`), { forced: false });
  // -n: look, mend nothing. Exit code 0 = clean (e2fsck(8)), also where a journal was left to be replayed.
  const { status, stdout, stderr } = spawnSync('e2fsck', ['-f', '-n', image], { encoding: 'utf8' });
  assert.is(status, 0, stdout);
  assert.not.match(stdout + stderr, 'journal');
}

const log = (image: string, job: string): string =>
  execFileSync('debugfs', ['-R', `cat /var/log/${job}`, image], { encoding: 'utf8', stdio: 'pipe' });

asRoot(
  'a guest builds a real program while it is moved by postcopy, and powers down with its disk clean',
  async () => {
    const { guest, image } = await guestWithDisk('builder');
    assert.is((await guest.job(COMPILE_QUICK_JOB)).state, 'none');
    await guest.startJob(COMPILE_QUICK_JOB);
    assert.is((await guest.job(COMPILE_QUICK_JOB)).state, 'running');
    const twice = await guest.startJob(COMPILE_QUICK_JOB).catch((error: Error) => error.message);
    assert.is(twice, 'runs already');
    await moved(lab, 'builder', ['node0', 'node1'], 'postcopy');
    assert.is((await guest.job(COMPILE_QUICK_JOB)).state, 'running', 'it was moved before it was done');
    const { code, ms } = await within(BUILD_MAX_MS, 'the build ends', async () => {
      const job = await guest.job(COMPILE_QUICK_JOB);
      return job.state === 'done' && job;
    });
    await powersDownCleanly('node1', 'builder', image);
    assert.is(code, 0, log(image, COMPILE_QUICK_JOB));
    assert.match(log(image, COMPILE_QUICK_JOB), /^[0-9a-f]{64} {2}conf$/m);
    assert.ok(ms > 0, `${ms}`);
  },
);

asRoot('a guest powers down with its disk clean while a job writes to it', async () => {
  const { guest, image } = await guestWithDisk('writer');
  await guest.startJob(COMPILE_JOB);
  await within(
    BUILD_MAX_MS,
    'it has written something',
    async () => (await guest.job(COMPILE_JOB)).ms > 5000,
  );
  await powersDownCleanly('node0', 'writer', image);
  const made = execFileSync('debugfs', ['-R', `stat /shoal/build/${COMPILE_JOB}`, image], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  assert.match(made, 'Type: directory', 'what it had begun is there');
});

asRoot(
  'a job that is stopped is gone and can be started anew; one that is not there is refused by name',
  async () => {
    const { guest } = await guestWithDisk('again');
    await guest.startJob(COMPILE_JOB);
    await guest.stopJob(COMPILE_JOB);
    assert.is((await guest.job(COMPILE_JOB)).state, 'none');
    await guest.startJob(COMPILE_JOB);
    await guest.stopJob(COMPILE_JOB);
    const refused = await guest.startJob('paint').catch((error: Error) => error.message);
    assert.match(refused ?? 'started', 'there is no /guest/shoal/jobs/paint');
  },
);

test.run();
