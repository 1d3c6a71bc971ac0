import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { parseVmSpec } from '../vmm/spec.ts';
import { newRecord, type OwnedVm, type VmRecord } from './record.ts';
import { Restarts } from './restarts.ts';

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const spec = parseVmSpec({ name: 'web', memory: '64MiB' }, '11111111-1111-4111-8111-111111111111');

/** The restarts of one life of an agent; waits pass at once. `disk` holds what was saved. */
function life(disk: { record: VmRecord; full?: boolean }) {
  const owned: OwnedVm = { record: disk.record, vmm: undefined, state: 'stopped' };
  const seen = { starts: 0, waits: [] as number[] };
  const pending: (() => void)[] = [];
  const restarts = new Restarts('boot', {
    clock: {
      ...clock,
      after(ms, run) {
        seen.waits.push(ms);
        pending.push(run);
        return quiet;
      },
    },
    log,
    changed: quiet,
    ours: () => true,
    taken: () => false,
    async save({ record }) {
      if (disk.full) throw new Error('no space left on device');
      disk.record = record;
    },
    async start() {
      seen.starts += 1;
    },
  });
  const wait = () => {
    for (const run of pending.splice(0)) run();
  };
  return { owned, restarts, seen, wait };
}

const fresh = () => ({ record: newRecord(spec, 1, 'boot') });

test('an agent that is restarted while a crashed VM waits for its start counts no further crash, and starts it then', async () => {
  const disk = fresh();
  for (let crash = 0; crash < 3; crash++) {
    const { owned, restarts } = life(disk);
    // All but the last began again between their crashes.
    disk.record = { ...disk.record, restartAtMs: 0 };
    owned.record = disk.record;
    await restarts.crashed(owned);
  }
  for (let again = 0; again < 5; again++) {
    const { owned, restarts, seen, wait } = life(disk);
    await restarts.ended(owned);
    assert.is(owned.state, 'crashed');
    assert.is(disk.record.crashesAtMs.length, 3);
    assert.is(disk.record.crashed, false);
    assert.ok((seen.waits[0] as number) > 5000 && (seen.waits[0] as number) <= 10_000, String(seen.waits));
    wait();
    assert.is(seen.starts, 1);
  }
});

test('a VM whose crash cannot be written down is started again all the same', async () => {
  const { owned, restarts, seen, wait } = life({ ...fresh(), full: true });
  await restarts.crashed(owned);
  wait();
  assert.is(seen.starts, 1);
});

test.run();
