import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { GuestPort, Lab } from '../lab/index.ts';
import { Ballast } from './ballast.ts';
import { LateMove, watched } from './watched.ts';

const lab = { nodes: [], state: { nodes: [] } } as unknown as Lab;

test('a move that fails leaves nothing that goes on, and one that is late tells what others used until then', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'watched-'));
  let listening = 0;
  let steady: string[] = [];
  const onLine = () => {
    listening += 1;
    steady = readdirSync(dir);
    return () => {
      listening = 0;
    };
  };
  const guest = { onLine } as unknown as GuestPort;
  const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
  await sleep(1); // the runner of the tests has a timer until then
  const before = timers();
  const late = new LateMove('SHOAL_BENCH_LATE', 'too long', 'a move', '');
  const ballast = new Ballast(dir, 1);
  const wishes = { guest, vmm: process.pid, beside: undefined, lossMs: 0, ballast };
  const during: string[] = [];
  const move = () => {
    during.push(...readdirSync(dir));
    return Promise.reject(late);
  };
  const error = await watched(lab, wishes, move).catch(thrown => thrown);
  assert.is(steady.length, 1, 'memory is held until then');
  assert.equal(during, [], 'the memory is free when the move begins');
  rmSync(dir, { recursive: true });
  assert.is(error, late);
  assert.ok(late.others.share >= 0 && late.others.cores.length === 2, JSON.stringify(late.others));
  assert.equal([listening, timers()], [0, before]);
});

test.run();
