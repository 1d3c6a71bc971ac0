import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { busyMs, softirqThreadsMs, watchStrangers } from './strangers.ts';

const STAT = `cpu  999 999 999 999 999 999 999 999 0 0
cpu0 10 1 5 1000 50 2 3 7 0 0
cpu1 100 0 0 1000 0 0 0 0 0 0
cpu10 1 0 0 1000 0 0 0 0 0 0
`;

test('a core is busy with user, nice, system, interrupts and what the hypervisor stole, not with waiting', () => {
  assert.is(busyMs([0], STAT), 280);
  assert.is(busyMs([1], STAT), 1000);
  assert.is(busyMs([0, 10], STAT), 290);
  assert.is(busyMs([3], STAT), 0);
});

test('what the kernel does with packets in threads of its own is told by core, and by their names alone', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-strangers-'));
  const line = (pid: number, name: string, utime: number, stime: number) => {
    mkdirSync(join(dir, String(pid)));
    writeFileSync(
      join(dir, String(pid), 'stat'),
      `${pid} (${name}) S 2 0 0 0 -1 1 0 0 0 0 ${utime} ${stime} 0 0 20`,
    );
  };
  try {
    line(14, 'ksoftirqd/0', 1, 99);
    line(22, 'ksoftirqd/1', 0, 7);
    line(30, 'ksoftirqd/10', 0, 3);
    line(99, 'x) (ksoftirqd/0', 0, 5000);
    assert.is(softirqThreadsMs([0], dir), 1000);
    assert.is(softirqThreadsMs([0, 1], dir), 1070);
    assert.is(softirqThreadsMs([2], dir), 0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('the share of strangers is never below 0, also when the nodes count more than the cores were busy', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-strangers-'));
  try {
    writeFileSync(join(dir, 'cpuacct.usage'), '0');
    const watch = watchStrangers([0], [dir, '']);
    writeFileSync(join(dir, 'cpuacct.usage'), String(3600e9));
    assert.is(watch.stop(), 0);
    assert.equal(watch.each(), [0]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.run();
