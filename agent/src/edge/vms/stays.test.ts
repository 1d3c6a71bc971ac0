import type { VmSpec } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock, sleep } from '../clock.ts';
import type { Database } from '../store/store.ts';
import { parseVmSpec } from '../vmm/spec.ts';
import type { VmHost, Vmm } from '../vmm/types.ts';
import { newRecord, type VmRecord, vmShelves } from './record.ts';
import { Vms } from './vms.ts';

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const spec = parseVmSpec({ name: 'web', memory: '64MiB' }, '11111111-1111-4111-8111-111111111111');

/** A database in memory whose disk is full for as many writes as it is told. */
function memory(disk: { full: number }): Database {
  const rows = new Map<string, unknown>();
  return {
    get: async (shelf, key) => rows.get(`${shelf} ${key}`),
    async put(shelf, key, value) {
      disk.full -= 1;
      if (disk.full >= 0) throw new Error('no space left on device');
      rows.set(`${shelf} ${key}`, structuredClone(value));
    },
    delete: async (shelf, key) => void rows.delete(`${shelf} ${key}`),
    range: async shelf =>
      [...rows].flatMap(([key, value]) =>
        key.startsWith(`${shelf} `) ? [[key.split(' ')[1] as string, value]] : [],
      ),
    dropBefore: async () => undefined,
    close: async () => undefined,
  };
}

test('the epoch of a VM that was taken back is on the disk when its handoff is settled, though the first try failed', async () => {
  const disk = { full: 0 };
  const db = memory(disk);
  const vms = new Vms(
    { bootId: 'boot', cooldownMs: 0, pinMs: 0 },
    {
      host: { release: async () => undefined } as unknown as VmHost,
      shelves: vmShelves(db),
      ...{ clock, log, inHandoff: () => true, changed: quiet },
    },
  );
  const vmm = { on: () => quiet } as unknown as Vmm;
  await vms.gained(spec, 2, vmm, { pinned: false, backoffLevel: 0, backoffMs: 0 });
  disk.full = 1;
  const tried = await vms.stays(spec.vm, 4).then(
    () => 'done',
    () => 'failed',
  );
  assert.is(tried, 'failed');
  // As a handoff does that must settle (edge/handoff/party.ts).
  await vms.stays(spec.vm, 4);
  assert.is(((await db.get('vm', spec.vm)) as VmRecord).epoch, 4);
  assert.is(vms.get(spec.vm)?.record.epoch, 4);
});

test('a VM that is just leaving is not written down again by an older handoff that ends meanwhile', async () => {
  const db = memory({ full: 0 });
  const vms = new Vms(
    { bootId: 'boot', cooldownMs: 0, pinMs: 0 },
    {
      host: { release: async () => undefined } as unknown as VmHost,
      shelves: vmShelves(db),
      ...{ clock, log, inHandoff: () => true, changed: quiet },
    },
  );
  await vms.gained(spec, 2, undefined, { pinned: false, backoffLevel: 0, backoffMs: 0 });
  const drop = db.delete;
  const late: Promise<void>[] = [];
  db.delete = async (shelf, key) => {
    await drop(shelf, key);
    late.push(vms.startCold(spec.vm, 3), vms.stays(spec.vm, 4));
    await Promise.all(late);
  };
  await vms.left(spec.vm);
  assert.is(late.length, 2);
  assert.is(await db.get('vm', spec.vm), undefined, 'no later life of the agent finds it and starts it');
});

test('a VM that leaves a rebooted node while its other VMs start is not started there behind its new owner’s back', async () => {
  const db = memory({ full: 0 });
  const other = { ...spec, vm: '22222222-2222-4222-8222-222222222222', name: 'db' };
  for (const each of [spec, other])
    await vmShelves(db).records.putSynced(each.vm, newRecord(each, 1, 'an earlier boot'));
  const started: string[] = [];
  let finish = (): void => undefined;
  const host = {
    adopt: async () => undefined,
    release: async () => undefined,
    async start({ name }: VmSpec) {
      started.push(name);
      await new Promise<void>(resolve => (finish = resolve));
      return { on: () => quiet };
    },
  };
  const vms = new Vms(
    { bootId: 'boot', cooldownMs: 0, pinMs: 0 },
    {
      host: host as unknown as VmHost,
      shelves: vmShelves(db),
      ...{ clock, log, inHandoff: () => false, changed: quiet },
    },
  );
  await vms.adoptAll();
  const all = vms.startOwned();
  while (started.length === 0) await sleep(clock, 1);
  await vms.left(other.vm);
  finish();
  await all;
  assert.equal(started, ['web']);
});

test.run();
