import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';
import { SourceVmm } from './source-vmm.ts';

/** Time that passes for whoever waits, and for nobody else. */
function waitedTime(): Clock {
  let passedMs = 0;
  return {
    nowMs: () => passedMs,
    wallMs: () => passedMs,
    after(ms, run) {
      passedMs += ms;
      const timer = setImmediate(run);
      return () => clearImmediate(timer);
    },
  };
}

/** A VMM as QEMU 7.2 was seen: cancelled right when its guest had been stopped, it waits in `cancelling` for a word. */
function hanging(wakes: boolean) {
  const said: string[] = [];
  let status = 'active';
  let state = 'running';
  const vmm = {
    on: () => () => undefined,
    migrationStatus: async () => ({ status, raw: {} }),
    migrateCancel: async () => {
      said.push('cancel');
      status = 'cancelling';
      state = 'finish-migrate';
    },
    migrateContinue: async (at: string) => {
      said.push(`continue ${at}`);
      if (status !== at) throw new ShoalError('SHOAL_VMM_REFUSED', 'not in that state', 'qmp', '');
      if (!wakes) return;
      status = 'cancelled';
      state = 'running';
    },
    runState: async () => state,
    setCapabilities: async () => undefined,
    cont: async () => assert.unreachable('it goes on by itself'),
  };
  return { vmm: vmm as unknown as Vmm, said };
}

test('a VMM that hangs in a cancelled migration, with its guest stopped, is told to go on, and the guest runs', async () => {
  const { vmm, said } = hanging(true);
  assert.is(await new SourceVmm(vmm, waitedTime()).bringBack(), true);
  assert.equal(said, ['cancel', 'continue cancelling']);
});

test('a move that finds such a VMM wakes it first, and one that does not wake is named', async () => {
  const woken = hanging(true);
  await woken.vmm.migrateCancel();
  await new SourceVmm(woken.vmm, waitedTime()).prepare('postcopy', 0);
  assert.equal(woken.said, ['cancel', 'continue cancelling']);
  const asleep = hanging(false);
  assert.is(
    await new SourceVmm(asleep.vmm, waitedTime()).bringBack(),
    false,
    'asked again with the next tick',
  );
  const error = await new SourceVmm(asleep.vmm, waitedTime())
    .prepare('postcopy', 0)
    .catch((e: Error) => e.message);
  assert.is(error, 'the VMM is still busy with an earlier migration: cancelling');
});

test.run();
