import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import { createVmHost } from '@shoal/agent/edge/vmm/host';
import type { VmHost, Vmm } from '@shoal/agent/edge/vmm/types';
import type { VmSpec } from '@shoal/protocol';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ensureGuestImage } from '../guest/image.ts';
import { CMDLINE } from '../guest/init.ts';
import { GuestPort } from '../lab/guest-port.ts';

const PAGE = 4096;
/** Slow and strict enough that QEMU goes over the memory several times before it stops the guest. */
const SLOW = { 'max-bandwidth': 60_000_000, 'downtime-limit': 30 };
const ROUNDS_LEAST = 4;

const dir = mkdtempSync(join(tmpdir(), 'shoal-precopy-'));
const ramRoot = mkdtempSync('/dev/shm/shoal-precopy-');
const living = new Set<Vmm>();
const test = suite('pre-copy');

function hostOf(name: string): VmHost {
  const ramDir = join(ramRoot, name);
  const none = { diskRoots: [], nbdHosts: [], bridges: [], kernelRoots: [], machines: [], drivers: [] };
  const allow = { ...none, ramDir, postcopy: false };
  const runDir = join(dir, name);
  const options = { runDir, accel: 'tcg', qemu: 'qemu-system-x86_64', micro: '', preload: '' } as const;
  return createVmHost({ ...options, runAs: undefined, cgroups: [], allow }, { clock });
}

async function specOf(): Promise<VmSpec> {
  const { kernel, initrd } = await ensureGuestImage();
  return {
    vm: 'b1f9a1f0-0000-4000-8000-000000000001',
    name: 'vm0',
    driver: 'qemu',
    machine: 'pc',
    memoryMib: 192,
    vcpus: 1,
    kernel,
    initrd,
    cmdline: CMDLINE,
    disks: [],
    nics: [],
    channels: ['work'],
    labels: {},
    migration: 'precopy',
    crash: 'leave',
  };
}

/** Numbers of the pages that differ. */
function differing(a: string, b: string): number[] {
  const [one, other] = [openSync(a, 'r'), openSync(b, 'r')];
  const [left, right] = [Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)];
  const pages: number[] = [];
  for (let at = 0; at < statSync(a).size; at += left.length) {
    const [read] = [readSync(one, left, 0, left.length, at), readSync(other, right, 0, right.length, at)];
    for (let page = 0; page < read; page += PAGE)
      if (!left.subarray(page, page + PAGE).equals(right.subarray(page, page + PAGE)))
        pages.push((at + page) / PAGE);
  }
  closeSync(one);
  closeSync(other);
  return pages;
}

/** Until both VMMs stand still with the guest's memory on either side. Answers the rounds that it took. */
async function precopy(source: Vmm, target: Vmm, socket: string): Promise<number> {
  await target.setCapabilities('precopy', 'target');
  await source.setCapabilities('precopy', 'source');
  await source.execute('migrate-set-parameters', SLOW);
  await target.incoming(socket);
  await source.migrate(socket);
  for (;;) {
    const { status, raw } = await source.migrationStatus();
    assert.is.not(status, 'failed');
    if (status === 'pre-switchover') await source.migrateContinue();
    if (status === 'completed') return (raw.ram as Record<string, number>)['dirty-sync-count'] ?? 0;
    await sleep(10);
  }
}

// Nothing is left behind, also when the test is told to end.
process.on('exit', () => {
  for (const vmm of living) process.kill(vmm.pid, 'SIGKILL');
  for (const made of [dir, ramRoot]) rmSync(made, { recursive: true, force: true });
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => process.exit(1));
test.after(async () => {
  for (const vmm of living) await vmm.end();
  living.clear();
});

test('the memory of a busy VM is the same page by page after pre-copy in several rounds', async () => {
  const spec = await specOf();
  const hosts = ['a', 'b', 'c', 'd'].map(hostOf);
  let source = await (hosts[0] as VmHost).start(spec);
  living.add(source);
  const guest = new GuestPort(
    spec.vm,
    ['a', 'b', 'c', 'd'].map(name => join(dir, name)),
  );
  await guest.ready();
  for (const line of ['fill 48', 'load 60', 'touch 5000', 'ticks 5']) await guest.command(line);
  const rounds: number[] = [];
  for (let i = 1; i < hosts.length; i++) {
    const [from, to] = [hosts[i - 1], hosts[i]] as [VmHost, VmHost];
    const target = await to.startIncoming(spec, 'precopy', undefined);
    living.add(target);
    rounds.push(await precopy(source, target, join(dir, `stream${i}`)));
    while ((await target.migrationStatus()).status !== 'completed') await sleep(10);
    assert.equal(differing(from.paths(spec).ram, to.paths(spec).ram), [], `move ${i}`);
    await source.end();
    living.delete(source);
    await from.clean(spec);
    await target.cont();
    source = target;
  }
  guest.close();
  assert.ok(Math.max(...rounds) >= ROUNDS_LEAST, `rounds: ${rounds}`);
});

test.run();
