import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cpuOf, sourceCpuSPerGb, usedSince, vmmOf, watchCpu } from './vmm-cpu.ts';

test('what a VMM used counts from the last look before its guest stood', () => {
  const looks = [10, 60, 110, 160].map(atMs => ({ atMs, cpuMs: atMs * 2 }));
  assert.is(usedSince(looks, 115), 100);
  assert.is(usedSince(looks, 110), 100);
  assert.is(usedSince(looks, 200), 0);
  assert.is(usedSince(looks, 5), -1);
  assert.is(usedSince([], 5), -1);
});

test('a process is looked at until it is gone, and one that never was has used nothing that is known', async () => {
  const used = cpuOf(process.pid) ?? -1;
  assert.ok(used > 0);
  const watch = watchCpu(process.pid, () => performance.now());
  await sleep(120);
  const looks = watch.stop();
  assert.ok(looks.length >= 2);
  assert.ok((looks.at(-1)?.cpuMs ?? 0) >= used);
  assert.is(cpuOf(2 ** 30), undefined);
  assert.equal(watchCpu(undefined, () => 0).stop(), []);
  assert.is(vmmOf('no-such-vm', [process.pid]), undefined);
});

test('of a source whose VMM was not seen the CPU time is not known, rather than that of its page server', () => {
  assert.is(sourceCpuSPerGb(500, 250, 0.5), 1.5);
  assert.is(sourceCpuSPerGb(500, -1, 0.5), -1);
  assert.is(sourceCpuSPerGb(-1, 250, 0.5), -1);
});

test.run();
