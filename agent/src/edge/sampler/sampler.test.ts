import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { cgroupBusy, hostBusy } from './cpu.ts';
import { nodeIo } from './io.ts';
import { Sampler } from './sampler.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-sampler-'));
test.after(() => rmSync(dir, { recursive: true }));

test('the host is read over the named cores only, and idle, I/O wait and steal do not count as busy', () => {
  const stat = join(dir, 'stat');
  writeFileSync(
    stat,
    'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 100 100 4 5 100 50 0\ncpu1 10 0 0 0 0 0 0 0 0 0\nintr 1\n',
  );
  assert.is(hostBusy([0], stat)(), 150);
  assert.is(hostBusy([0, 1], stat)(), 250);
  assert.is(hostBusy([], stat)(), 450);
});

test('a cgroup of version 1 counts in nanoseconds, one of version 2 in microseconds', () => {
  writeFileSync(join(dir, 'cpuacct.usage'), '2500000000\n');
  assert.is(cgroupBusy(dir)(), 2500);
  rmSync(join(dir, 'cpuacct.usage'));
  writeFileSync(join(dir, 'cpu.stat'), 'usage_usec 7000\nuser_usec 1\n');
  assert.is(cgroupBusy(dir)(), 7);
});

test('a cgroup that is none is named together with the mend', () => {
  assert.throws(() => cgroupBusy('/nowhere'), /neither cpuacct.usage nor cpu.stat/);
});

test('a node counts each disk once and leaves loopback out', () => {
  const proc = join(dir, 'proc');
  const sub = join(proc, 'net');
  mkdirSync(sub, { recursive: true });
  writeFileSync(
    join(proc, 'diskstats'),
    ' 8 0 sda 1 0 10 0 1 0 20 0 0 0 0\n 8 1 sda1 1 0 10 0 1 0 20 0 0 0 0\n 7 0 loop0 1 0 10 0 1 0 20 0 0 0 0\n',
  );
  writeFileSync(
    join(sub, 'dev'),
    'Inter-|\n face |\n    lo: 999 0 0 0 0 0 0 0 999 0\n  eth0: 100 0 0 0 0 0 0 0 200 0\n',
  );
  assert.equal(nodeIo(proc), { diskRead: 5120, diskWrite: 10240, netRx: 100, netTx: 200 });
});

test('a busy process shows as a busy VM, and one that ended is forgotten without a fault', async () => {
  const child = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
  const sampler = new Sampler({ windowMs: 10_000 }, { busy: () => 0, clock });
  const vms = [{ vm: 'v', pid: child.pid as number, taps: [] }];
  try {
    await sampler.sample(vms);
    await sleep(600);
    await sampler.sample(vms);
    const load = sampler.vm('v');
    assert.ok(load && load.mean.cpuMilli > 100, `saw ${load?.mean.cpuMilli} thousandths of a core`);
    assert.ok(load.mean.residentMib > 0);
  } finally {
    child.kill('SIGKILL');
  }
  await new Promise(resolve => child.once('exit', resolve));
  await sampler.sample(vms);
  await sampler.sample([]);
  assert.is(sampler.vm('v'), undefined);
});

test('the node figure is busy time over wall time, and a move makes its window not full', async () => {
  let nowMs = 0;
  let busyMs = 0;
  const fake = { nowMs: () => nowMs, wallMs: () => nowMs };
  const sampler = new Sampler({ windowMs: 2000 }, { busy: () => busyMs, clock: fake });
  for (let i = 0; i < 2; i++) {
    nowMs += 1000;
    busyMs += 750;
    await sampler.sample([]);
  }
  assert.is(sampler.node().mean.cpuMilli, 750);
  assert.ok(sampler.node().full);
  sampler.disturb();
  assert.not.ok(sampler.node().full);
});

test.run();
