import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { cgroupBusy, hostBusy } from './cpu.ts';
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

test('a counter that is gone, or a core that is not there, reads as unknown and not as idle', () => {
  const stat = join(dir, 'one-core');
  writeFileSync(stat, 'cpu  1 0 0 0 0 0 0 0 0 0\ncpu0 1 0 0 0 0 0 0 0 0 0\n');
  assert.ok(Number.isNaN(hostBusy([0, 9], stat)()));
  assert.ok(Number.isNaN(hostBusy([], join(dir, 'nowhere'))()));
  const group = mkdtempSync(join(dir, 'group-'));
  writeFileSync(join(group, 'cpuacct.usage'), '5000000\n');
  const busy = cgroupBusy(group);
  assert.is(busy(), 5);
  rmSync(group, { recursive: true });
  assert.ok(Number.isNaN(busy()));
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

test('a busy process shows as a busy VM, and one that ended is forgotten without a fault', async () => {
  const child = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
  const sampler = new Sampler({ windowMs: 10_000 }, { busy: () => 0, clock });
  const vms = [{ vm: 'v', pid: child.pid as number, taps: [] }];
  try {
    await sampler.sample(vms);
    await sleep(600);
    await sampler.sample(vms);
    const load = sampler.vm('v');
    assert.ok(load && load.cpuNowMilli > 100, `saw ${load?.cpuNowMilli} thousandths of a core`);
    assert.ok(load.mean.cpuMilli < 300, `0.6 s of a 10 s window cannot be ${load.mean.cpuMilli}`);
    assert.ok(load.mean.residentMib > 0);
  } finally {
    child.kill('SIGKILL');
  }
  await new Promise(resolve => child.once('exit', resolve));
  await sampler.sample(vms);
  await sampler.sample([]);
  assert.is(sampler.vm('v'), undefined);
});

/** A node with one VM whose counters the test turns. */
function turned(windowMs = 10_000) {
  const at = { nowMs: 100_000, busyMs: 0, ctime: 0, elapsed: 100_000, pid: 7 };
  const still = { diskRead: 0, diskWrite: 0, netRx: 0, netTx: 0 };
  const sampler = new Sampler(
    { windowMs },
    {
      busy: () => at.busyMs,
      clock: { nowMs: () => at.nowMs, wallMs: () => 0 },
      readNics: () => new Map(),
      readNodeIo: () => still,
      readUsage: async () => ({ [at.pid]: { ctime: at.ctime, elapsed: at.elapsed, memory: 2 ** 20 } }),
    },
  );
  return {
    sampler,
    at,
    async after(ms: number, cpu: number) {
      at.nowMs += ms;
      at.elapsed += ms;
      at.busyMs += (ms * cpu) / 1000;
      at.ctime += (ms * cpu) / 1000;
      await sampler.sample([{ vm: 'v', pid: at.pid, taps: [] }]);
    },
    cpu: () => [Math.round(sampler.node().mean.cpuMilli), Math.round(sampler.vm('v')?.mean.cpuMilli ?? -1)],
  };
}

test('an agent that stalled for three seconds has the means of its whole window all the same', async () => {
  const { after, cpu } = turned();
  for (let i = 0; i < 11; i++) await after(1000, 0);
  await after(3000, 1000);
  assert.equal(cpu(), [300, 300]);
  for (let i = 0; i < 7; i++) await after(1000, 0);
  assert.equal(cpu(), [300, 300]);
  await after(1000, 0);
  assert.equal(cpu(), [200, 200]);
});

test('an agent that stalled for longer than a window does not let the stall stand for ever', async () => {
  const { after, cpu } = turned();
  await after(1000, 0);
  await after(60_000, 1000);
  for (let i = 0; i < 9; i++) await after(1000, 0);
  assert.equal(cpu(), [100, 100]);
});

test('a VM that has just arrived used nothing before: its mean is over the whole window too', async () => {
  const { after, at, cpu } = turned();
  Object.assign(at, { elapsed: 0, ctime: 0 });
  await after(2000, 1000);
  assert.is(cpu()[1], 200);
  await after(1000, 1000);
  assert.is(cpu()[1], 300);
});

test('a VM that a restarted agent finds running is measured from there on, not over its whole life', async () => {
  const { after, at, cpu } = turned();
  at.ctime = 90_000;
  await after(1000, 0);
  assert.is(cpu()[1], 0);
  await after(1000, 500);
  assert.is(cpu()[1], 500);
});

test('a process id that came back for another process starts a new window', async () => {
  const { after, at, cpu } = turned();
  for (let i = 0; i < 5; i++) await after(1000, 800);
  Object.assign(at, { elapsed: 500, ctime: 100 });
  await after(500, 0);
  assert.is(cpu()[1], 10);
});

test('a CPU counter that starts anew or cannot be read is 0, and its window is not used', async () => {
  const { sampler, after, at, cpu } = turned(2000);
  for (let i = 0; i < 3; i++) await after(1000, 500);
  assert.ok(sampler.node().full);
  at.busyMs = -1000;
  await after(1000, 0);
  assert.equal([cpu()[0], sampler.node().full, sampler.faults()], [250, false, []]);
  at.busyMs = Number.NaN;
  await after(1000, 0);
  assert.equal([cpu()[0], sampler.node().full], [0, false]);
  assert.match(sampler.faults()[0] ?? '', /CPU counter cannot be read/);
});

test.run();
