import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Database, openDatabase } from '../store/store.ts';
import { Recordings } from './recordings.ts';

let dir: string;
let db: Database;
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-recordings-'));
  db = await openDatabase(dir);
});
test.after.each(async () => {
  await db.close();
  rmSync(dir, { recursive: true });
});

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const spec = (vm: string) => ({ vm, machine: 'pc' as const });

/** A later life of the agent, once all is on the disk: that of this VM, and no more that of the other. */
async function laterLife(written: string, forgotten = ''): Promise<Recordings> {
  for (let i = 0; i < 1000; i++) {
    const read = await Recordings.read(db);
    const knows = (vm: string) => read.of(spec(vm)).hotBlocks.length > 0;
    if (knows(written) && !knows(forgotten)) return read;
    await sleep(10);
  }
  throw new Error(`not within ten seconds: ${written} is known and ${forgotten} is not`);
}

test('what a VM touched first when it came goes with it when it moves on, in a later life of the agent too', async () => {
  const now = await Recordings.read(db);
  assert.equal(now.of(spec('a')), { deviceLoadPages: [], hotBlocks: [] });
  now.keep(spec('a'), { deviceLoadPages: [160, 9], faultedBlocks: [13, 2] }, log);
  now.keep(spec('b'), { deviceLoadPages: [161], faultedBlocks: [7] }, log);
  for (const life of [now, await laterLife('b')]) {
    assert.equal(life.of(spec('a')), { deviceLoadPages: [161], hotBlocks: [13, 2] });
    assert.equal(life.of(spec('b')).hotBlocks, [7]);
    assert.equal(life.of({ vm: 'a', machine: 'q35' }), { deviceLoadPages: [], hotBlocks: [13, 2] });
  }
});

test('a VM that comes again is known by its newest move, and one of which nothing was seen by the move before', async () => {
  const now = await Recordings.read(db);
  for (const faultedBlocks of [[1], [2, 3], []])
    now.keep(spec('a'), { deviceLoadPages: faultedBlocks, faultedBlocks }, log);
  assert.equal(now.of(spec('a')), { deviceLoadPages: [2, 3], hotBlocks: [2, 3] });
});

test('of very many VMs that have come those are forgotten that came first, on the disk too', async () => {
  const now = await Recordings.read(db);
  const come = (vm: string) => now.keep(spec(vm), { deviceLoadPages: [], faultedBlocks: [1] }, log);
  for (let i = 0; i < 256; i++) come(`vm${i}`);
  come('vm0');
  come('one more');
  for (const life of [now, await laterLife('one more', 'vm1')]) {
    assert.equal(life.of(spec('vm1')).hotBlocks, [], 'it came before all others');
    for (const vm of ['vm0', 'vm2', 'one more']) assert.equal(life.of(spec(vm)).hotBlocks, [1], vm);
  }
});

test.run();
