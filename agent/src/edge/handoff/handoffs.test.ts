import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import type { HandoffStatus } from '../http/api.types.ts';
import { type Database, openDatabase } from '../store/store.ts';
import { Handoffs, type HandoffsDeps, type HandoffsOptions } from './handoffs.ts';
import { createJournal, type Journal } from './journal.ts';
import { entry, H1, H2, log, quiet, testNode, VM } from './test-node.ts';

let dir: string;
let db: Database;
let journal: Journal;
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-handoffs-'));
  db = await openDatabase(dir);
  journal = createJournal(db);
});
const alive: Handoffs[] = [];
test.after.each(async () => {
  // Also when the test failed: their timers would keep this process.
  for (const handoffs of alive.splice(0)) await handoffs.stop();
  await db.close();
  rmSync(dir, { recursive: true });
});

const node = (...[owned, more, past]: [Parameters<typeof testNode>[1], object?, object?]) => {
  const made = testNode(journal, owned, more, undefined, past);
  alive.push(made.handoffs);
  return made;
};

test('an aborted handoff that its dead target never acknowledged does not wake a VM that a later handoff gave away', async () => {
  await journal.write({ ...entry(H1, 'source', 'aborted', 2), settled: true });
  await journal.write(entry(H2, 'source', 'committed', 2));
  const { handoffs, toVm } = node({ epoch: 1, runState: 'postmigrate' });
  await handoffs.recover();
  await sleep(400);
  assert.equal(toVm(), []);
  assert.ok(handoffs.parties.inHandoff(VM), 'the later one is under way');
  await handoffs.stop();
});

for (const [role, record] of [
  ['source', 'released'],
  ['source', 'aborted'],
  ['source', 'retaken'],
  ['target', 'not-run'],
  ['target', 'transferred'],
] as const) {
  test(`a settled ${record} of the ${role} is only talked about after a restart, whatever became of the VM since`, async () => {
    for (const owned of [{ epoch: 3, runState: 'running' }, undefined]) {
      await journal.write({ ...entry(H1, role, record, 2), settled: true });
      const { handoffs, done, toVm } = node(owned);
      await handoffs.recover();
      await sleep(400);
      assert.equal(toVm(), []);
      assert.ok(done.includes('send'), 'the peer is still told');
      assert.is(handoffs.parties.inHandoff(VM), false);
      assert.equal(handoffs.parties.over(), [], 'it is on the shelf of the past already');
      assert.is(handoffs.parties.shown(H1), undefined);
      handoffs.parties.get(H1)?.dispatch('ended');
      await sleep(100);
      assert.is(handoffs.parties.get(H1)?.state, 'gone', 'the peer knows');
      assert.is(handoffs.parties.shown(H1), undefined, 'what its past says is not said anew');
      assert.equal(handoffs.parties.over(), []);
      await handoffs.stop();
    }
  });
}

test('a handoff is settled in the journal once its end is carried out', async () => {
  await journal.write(entry(H1, 'source', 'released', 2));
  const { handoffs, toVm } = node({ epoch: 1, runState: 'postmigrate' });
  await handoffs.recover();
  await sleep(300);
  assert.equal(toVm(), ['end', 'clean', 'left', 'settled']);
  assert.is((await journal.all())[0]?.settled, true);
  await handoffs.stop();
});

test('a VM whose leaving could not be written down stays in its handoff until it is', async () => {
  await journal.write(entry(H1, 'source', 'released', 2));
  let full = true;
  let tries = 0;
  const left = async () => {
    tries += 1;
    if (full) throw new Error('no space left on device');
  };
  const { handoffs } = node({ epoch: 1, runState: 'postmigrate' }, { left });
  await handoffs.recover();
  await sleep(300);
  assert.ok(handoffs.parties.inHandoff(VM));
  assert.is(handoffs.parties.shown(H1)?.outcome, '', 'it has not ended for who asks');
  assert.is((await journal.all())[0]?.settled, undefined);
  full = false;
  await sleep(1300);
  assert.ok(tries >= 2);
  assert.is(handoffs.parties.inHandoff(VM), false);
  assert.is(handoffs.parties.shown(H1)?.outcome, 'done');
  assert.is((await journal.all())[0]?.settled, true);
  await handoffs.stop();
});

test('a source whose VMM ended while the abort was written down does not try for ever to bring its guest back', async () => {
  await journal.write(entry(H1, 'source', 'switching', 2));
  const exited = (hears: (event: object) => void) => {
    queueMicrotask(() => hears({ kind: 'exit', atMs: 0 }));
    return quiet;
  };
  const deaf = async () => {
    throw new Error('the monitor is closed');
  };
  const owned = { record: { epoch: 1 }, vmm: { on: exited, migrationStatus: deaf } };
  const { handoffs, toVm } = node({ epoch: 1, runState: 'postmigrate' }, { get: () => owned });
  await handoffs.recover();
  await sleep(300);
  assert.equal(toVm(), ['stays 1', 'settled']);
  assert.is(handoffs.parties.inHandoff(VM), false);
  await handoffs.stop();
});

for (const [role, record, outcome] of [
  ['source', 'released', 'done'],
  ['target', 'transferred', 'done'],
  ['target', 'not-run', 'aborted'],
] as const) {
  test(`a handoff whose ${role} is killed right after it wrote ${record} has its end on that side too`, async () => {
    await journal.write(entry(H1, role, record, 2));
    const ends: [string, string][] = [];
    const past = {
      add: async (s: HandoffStatus) => void ends.push([s.outcome, s.detail]),
      last: async () => [],
    };
    const { handoffs } = node({ epoch: role === 'source' ? 1 : 2, runState: 'postmigrate' }, {}, past);
    await handoffs.recover();
    await sleep(300);
    assert.is(ends.length, 1);
    assert.is(ends[0]?.[0], outcome);
    assert.is(ends[0]?.[1] === '', outcome === 'done', 'an end that is not the good one has a reason');
    await handoffs.stop();
  });
}

test('a VM that was retaken has the epoch above its target’s, though the target’s last word came first', async () => {
  await journal.write(entry(H1, 'source', 'retaken', 2));
  const { handoffs, toVm } = node({ epoch: 1, runState: 'postmigrate' });
  await handoffs.recover();
  await sleep(300);
  assert.ok(toVm().includes('stays 3'), toVm().join());
  await handoffs.stop();
});

test('after a restart only the sessions of handoffs in the journal are kept', async () => {
  const kept: string[] = [];
  const pageServers = { keepOnly: async (ids: string[]) => void kept.push(...ids) };
  await journal.write({ ...entry(H2, 'target', 'not-run', 2), settled: true });
  const deps = {
    journal,
    clock,
    log,
    pageServers,
    words: { say: quiet },
    changed: quiet,
    vms: { get: quiet },
  };
  const other = new Handoffs({ self: 's' } as HandoffsOptions, deps as unknown as HandoffsDeps);
  await other.recover();
  assert.equal(kept, [H2]);
  await other.stop();
});

test.run();
