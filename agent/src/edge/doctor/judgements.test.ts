import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../config/config.ts';
import { kvmRuns } from '../vmm/probe-kvm.ts';
import { atLeast } from './check.ts';
import { cgroupCheck, judgeClock, kernelCheck, nodeCheck } from './machine.ts';
import { hugeOption, judgeHuge, judgeRam } from './memory.ts';
import { judgeUserfaultfd, nativeCheck } from './native.ts';
import { judgeQemu, kvmCheck, qemuCheck } from './vmm.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-judge-'));
test.after(() => rmSync(dir, { recursive: true }));
const config = (text: string) => parseConfig(text, 'test');

test('versions are compared by their numbers', () => {
  assert.equal(
    [
      ['6.18.44-fc', [6, 4]],
      ['6.4', [6, 4]],
      ['6.1.0-18-amd64', [6, 4]],
      ['v20.9.0', [20, 19]],
      ['22.0.0', [20, 19]],
      ['7', [7, 2]],
    ].map(([version, floor]) => atLeast(version as string, floor as number[])),
    [true, true, false, false, true, false],
  );
});

test('an old Node.js, kernel or QEMU is a failure with its mend', () => {
  assert.is(nodeCheck('20.18.3').state, 'fail');
  assert.is(nodeCheck('20.19.0').state, 'ok');
  assert.equal(
    ['5.10.0', '6.1.0-18-amd64', '6.8.1'].map(v => kernelCheck(v).state),
    ['fail', 'warn', 'ok'],
  );
  const says = (version: string) =>
    judgeQemu('qemu', `QEMU emulator version ${version} (Debian)\nCopyright`).state;
  assert.equal(['6.2.0', '7.1.90', '7.2.22', '10.0.1'].map(says), ['fail', 'fail', 'ok', 'ok']);
  assert.is(judgeQemu('true', '').state, 'fail');
});

test('a QEMU that is not there is a failure, unless none is wanted', async () => {
  const missing = await qemuCheck(config('vms: { qemu: qemu-of-nowhere }'));
  assert.equal([missing.state, missing.found], ['fail', 'qemu-of-nowhere is not there']);
  assert.is((await qemuCheck(config('vms: { qemu: qemu-of-nowhere, drivers: [micro] }'))).state, 'ok');
});

test('a KVM that runs no guest slows VMs down, and fails a node that insists on it', async () => {
  const dead = async () => false;
  const states = ['auto', 'kvm', 'tcg'].map(
    async a => (await kvmCheck(config(`vms: { accel: ${a} }`), dead)).state,
  );
  assert.equal(await Promise.all(states), ['warn', 'fail', 'ok']);
  assert.is((await kvmCheck(config('vms: { accel: kvm }'), async () => true)).state, 'ok');
});

test('the probe of KVM answers false for what is no QEMU', async () => {
  assert.is(await kvmRuns('qemu-of-nowhere'), false);
  assert.is(await kvmRuns('true'), false);
});

test('huge pages under guest memory are refused on kernels that fill them in', () => {
  const judged = (setting: string, mount: string, kernel: string) =>
    judgeHuge({ setting, mount, kernel }).state;
  assert.is(judged('always', 'never', '6.1.0'), 'ok');
  assert.is(judged('force', 'never', '6.1.0'), 'fail');
  assert.is(judged('never', 'always', '6.1.0'), 'fail');
  assert.is(judged('never', 'within_size', '6.3.9'), 'fail');
  assert.is(judged('never', 'advise', '6.1.0'), 'warn');
  assert.is(judged('deny', 'always', '6.1.0'), 'ok');
  assert.is(judged('force', 'always', '6.4.0'), 'ok');
});

test('the mount that holds guest memory is the innermost one', () => {
  const mounts =
    'tmpfs /dev/shm tmpfs rw,size=1g,huge=always 0 0\ntmpfs /dev/shm/shoal tmpfs rw 0 0\next4 / ext4 rw 0 0\n';
  assert.is(hugeOption('/dev/shm/shoal', mounts), 'never');
  assert.is(hugeOption('/dev/shm/other', mounts), 'always');
  assert.is(hugeOption('/dev/shmoo', mounts), 'never');
});

test('guest memory needs tmpfs, room, and no more than the machine has', () => {
  const facts = { dir: '/ram', tmpfs: true, sizeMib: 8192, freeMib: 8000, machineMib: 16_384 };
  assert.is(judgeRam(facts, 0).state, 'ok');
  assert.is(judgeRam({ ...facts, tmpfs: false }, 0).state, 'fail');
  assert.is(judgeRam(facts, 9000).state, 'fail');
  assert.is(judgeRam({ ...facts, freeMib: 10 }, 0).state, 'warn');
  assert.is(judgeRam({ ...facts, machineMib: 8192 }, 0).state, 'warn');
  assert.is(judgeRam({ ...facts, machineMib: 8192 }, 6000).state, 'ok');
});

test('the right to make a userfaultfd is told by who has it', () => {
  const judged = (device: boolean, root: boolean, known = true) =>
    judgeUserfaultfd({ device, root, known }).state;
  assert.equal(
    [judged(true, false), judged(false, true), judged(false, false), judged(false, true, false)],
    ['ok', 'warn', 'fail', 'fail'],
  );
});

test('native parts that are missing are named, the micro guest only where it is wanted', () => {
  const check = nativeCheck(config(`native: { dir: ${dir} }\nvms: { drivers: [qemu, micro] }`));
  assert.equal(
    [check.state, check.found],
    ['fail', `not usable in ${dir}: shoal-pages, libshoal-uffd.so, shoal-micro`],
  );
});

test('clocks that are slow, unset or on their own are told', () => {
  const clock = { source: 'tsc', year: 2026, synchronised: true as boolean | undefined };
  assert.is(judgeClock(clock).state, 'ok');
  assert.is(judgeClock({ ...clock, synchronised: undefined }).state, 'ok');
  assert.is(judgeClock({ ...clock, synchronised: false }).state, 'warn');
  assert.is(judgeClock({ ...clock, source: 'hpet' }).state, 'warn');
  assert.is(judgeClock({ ...clock, year: 1970 }).state, 'fail');
});

test('a configured cgroup that is not there is a failure', () => {
  const check = cgroupCheck(config(`cpu: { source: cgroup, cgroup: ${dir}/none }`));
  assert.equal([check.state, check.found.endsWith(`no directory: ${dir}/none`)], ['fail', true]);
  assert.is(cgroupCheck(config(`cpu: { source: cgroup, cgroup: ${dir} }`), dir).state, 'fail');
  assert.equal(cgroupCheck(config(''), dir).found, 'none, none needed');
});

test.run();
