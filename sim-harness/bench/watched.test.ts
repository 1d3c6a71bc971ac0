import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { GuestPort, Lab } from '../lab/index.ts';
import { LateMove, watched } from './watched.ts';

const lab = { nodes: [] } as unknown as Lab;

test('a move that fails leaves nothing that goes on, and one that is late tells what others used until then', async () => {
  let listening = 0;
  const onLine = () => {
    listening += 1;
    return () => {
      listening = 0;
    };
  };
  const guest = { onLine } as unknown as GuestPort;
  const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
  await sleep(1); // the runner of the tests has a timer until then
  const before = timers();
  const late = new LateMove('SHOAL_BENCH_LATE', 'too long', 'a move', '');
  const wishes = { guest, vmm: process.pid, beside: undefined, lossMs: 0 };
  const error = await watched(lab, wishes, () => Promise.reject(late)).catch(thrown => thrown);
  assert.is(error, late);
  assert.ok(late.others.share >= 0 && late.others.cores.length === 2, JSON.stringify(late.others));
  assert.equal([listening, timers()], [0, before]);
});

test.run();
