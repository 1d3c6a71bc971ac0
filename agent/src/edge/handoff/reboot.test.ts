import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Database, openDatabase } from '../store/store.ts';
import type { Handoffs } from './handoffs.ts';
import { createJournal, type Journal } from './journal.ts';
import { entry, H1, H2, quiet, testNode, VM } from './test-node.ts';

let dir: string;
let db: Database;
let journal: Journal;
const alive: Handoffs[] = [];
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-reboot-'));
  db = await openDatabase(dir);
  journal = createJournal(db);
});
test.after.each(async () => {
  for (const handoffs of alive.splice(0)) await handoffs.stop();
  await db.close();
  rmSync(dir, { recursive: true });
});

/** A node that was rebooted since its newest record: its VMs have no VMM. */
async function rebooted(role: 'source' | 'target', record: string, settled = false, owned = true) {
  const read = entry(H1, role, record, 2, 'an earlier boot');
  await journal.write(settled ? { ...read, settled } : read);
  const made = testNode(journal, owned ? { epoch: role === 'source' ? 1 : 2 } : undefined);
  alive.push(made.handoffs);
  await made.handoffs.recover();
  return made;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error(`not within ten seconds: ${what}`);
}

/** A VM is started when it is here and no handoff has it any more. */
const startsOnlyAfter = (what: string, done: string[]) =>
  done.filter(d => d === 'settled').length === 1 && done.indexOf('settled') > done.indexOf(what);

const newest = async () => (await journal.all())[0];

test('a source whose committed guest went with the power asks, tells a ready target to give up, and never says run', async () => {
  const { said, hear, toVm } = await rebooted('source', 'committed');
  await until('it asks', () => said.some(m => m.type === 'ask'));
  hear({ type: 'ready' });
  await until('it says abort', () => said.some(m => m.type === 'abort'));
  assert.equal(toVm(), [], 'nothing is started on a word that may be overtaken by a run');
  hear({ type: 'not-run', reason: 'the source gave up' });
  await until('it takes the VM back', () => toVm().includes('stays 3'));
  assert.ok(said.every(m => m.type !== 'run'));
});

test('a source whose committed guest went with the power lets go of a VM that runs on its target', async () => {
  const { said, hear, toVm } = await rebooted('source', 'committed');
  hear({ type: 'running', epoch: 2 });
  await until('it has left', () => toVm().includes('left'));
  await until('it says so', () => said.some(m => m.type === 'record' && m.state === 'released'));
});

for (const [record, settled] of [
  ['switching', false],
  ['aborted', false],
  ['aborted', true],
] as const) {
  test(`a VM with ${settled ? 'a settled' : 'an'} ${record} of an earlier boot is held until its target says that it will not run it`, async () => {
    const { handoffs, said, hear, toVm } = await rebooted('source', record, settled);
    await until('it asks', () => said.some(m => m.type === 'ask'));
    await sleep(300);
    assert.equal(toVm(), []);
    assert.ok(handoffs.parties.inHandoff(VM), 'nobody else starts it meanwhile');
    hear({ type: 'ended' });
    assert.ok(handoffs.parties.inHandoff(VM), 'ended does not say how');
    hear({ type: 'not-run', reason: 'given up' });
    await until('it stays', () => toVm().includes('stays 1'));
    assert.is((await newest())?.bootId, 'boot', 'another start in this boot need not ask again');
  });

  test(`a VM with ${settled ? 'a settled' : 'an'} ${record} of an earlier boot is let go when its target was resolved to have it`, async () => {
    const { hear, toVm } = await rebooted('source', record, settled);
    hear({ type: 'transferred' });
    await until('it has left', () => toVm().includes('left'));
    assert.not(toVm().some(what => what.startsWith('stays')));
  });
}

test('a settled handoff of a VM that has left since holds nothing after a reboot', async () => {
  const { handoffs } = await rebooted('source', 'aborted', true, false);
  assert.is(handoffs.parties.inHandoff(VM), false);
});

for (const record of ['owner', 'transferred'] as const) {
  test(`a target that was rebooted with ${record} starts the VM when its source says run, and not before`, async () => {
    const { said, hear, toVm } = await rebooted('target', record, record === 'transferred');
    await until('it asks', () => said.some(m => m.type === 'ask'));
    await sleep(300);
    assert.equal(toVm(), []);
    hear({ type: 'run', epoch: 2 });
    await until('it goes on', () => toVm().includes('stays 2'));
  });

  test(`a target that was rebooted with ${record} yields to a source that was resolved`, async () => {
    const { said, hear, toVm } = await rebooted('target', record);
    hear({ type: 'record', role: 'source', state: 'resolved' });
    await until('the VM is let go', () => toVm().includes('left'));
    await until('it says so', () => said.some(m => m.type === 'not-run'));
    assert.is((await newest())?.record, 'yielded');
  });
}

test('a target that yields lets go of a VM that it has offered on and taken back meanwhile', async () => {
  await journal.write({ ...entry(H1, 'target', 'transferred', 2, 'an earlier boot'), settled: true });
  const { handoffs, hear, toVm } = testNode(journal, { epoch: 4 });
  alive.push(handoffs);
  await handoffs.recover();
  hear({ type: 'record', role: 'source', state: 'resolved' });
  await until('the VM is let go', () => toVm().includes('left'));
});

test('a settled handoff that a reboot has taken up stays one by which the VM has come, whatever is written next', async () => {
  await journal.write({ ...entry(H1, 'target', 'transferred', 2, 'an earlier boot'), settled: true });
  const first = testNode(journal, { epoch: 2 });
  alive.push(first.handoffs);
  await first.handoffs.recover();
  first.hear({ type: 'record', role: 'source', state: 'committed' });
  await until('it goes on', () => first.toVm().includes('stays 2'));
  await first.handoffs.stop();
  // Rewritten before it was settled again, as by a power failure in between; the VM has left since.
  const { settled, ...written } = (await journal.all())[0]!;
  assert.equal([settled, written.gained], [true, true]);
  await journal.write({ ...written, bootId: 'an earlier boot', seq: written.seq + 1 });
  const second = testNode(journal, undefined);
  alive.push(second.handoffs);
  await second.handoffs.recover();
  second.hear({ type: 'record', role: 'source', state: 'released' });
  await sleep(300);
  assert.ok(!second.toVm().some(what => what.startsWith('gained')), second.toVm().join());
});

test('a settled handoff by which a VM came does not start it after a reboot when a later one has taken it away', async () => {
  await journal.write({ ...entry(H1, 'target', 'transferred', 2, 'an earlier boot'), settled: true });
  await journal.write(entry(H2, 'source', 'committed', 3, 'an earlier boot'));
  const { handoffs, hear, toVm } = testNode(journal, { epoch: 2 });
  alive.push(handoffs);
  await handoffs.recover();
  hear({ type: 'run', epoch: 2 });
  hear({ type: 'running', epoch: 3 }, {}, H2);
  await until('the VM has left', () => toVm().includes('left'));
  await sleep(200);
  assert.ok(!toVm().includes('gained 2'), 'what has left does not come again');
  assert.ok(startsOnlyAfter('left', toVm()), toVm().join());
});

test('a VM whose arrival its source never heard of is not started after a reboot by a later handoff that gives up', async () => {
  for (const [record, settled] of [
    ['preparing', false],
    ['aborted', true],
    ['retaken', true],
  ] as const) {
    await journal.write({ ...entry(H1, 'target', 'transferred', 2, 'an earlier boot'), settled: true });
    const later = entry(H2, 'source', record, 3, 'an earlier boot');
    await journal.write(settled ? { ...later, settled } : later);
    const { handoffs, said, hear, toVm } = testNode(journal, { epoch: 2 });
    await handoffs.recover();
    hear({ type: 'not-run', reason: 'given up' }, {}, H2);
    await until(`${record}: it asks its source`, () => said.some(m => m.type === 'ask' && m.handoff === H1));
    assert.ok(handoffs.parties.inHandoff(VM), record);
    await sleep(200);
    assert.not(toVm().includes('settled'), `${record}: ${toVm()}`);
    hear({ type: 'record', role: 'source', state: 'resolved' });
    await until(`${record}: it yields the VM`, () => toVm().includes('left'));
    await handoffs.stop();
    for (const id of [H1, H2]) await journal.forget(id);
  }
});

test('a settled handoff that gave up does not start its VM after a reboot when a later one may have given it away', async () => {
  await journal.write({ ...entry(H1, 'source', 'aborted', 2, 'an earlier boot'), settled: true });
  await journal.write(entry(H2, 'source', 'committed', 2, 'an earlier boot'));
  const { handoffs, hear, toVm } = testNode(journal, { epoch: 1 });
  alive.push(handoffs);
  await handoffs.recover();
  hear({ type: 'record', role: 'target', state: 'none' });
  hear({ type: 'running', epoch: 2 }, {}, H2);
  await until('the VM has left', () => toVm().includes('left'));
  await sleep(200);
  assert.ok(startsOnlyAfter('left', toVm()), toVm().join());
});

test('a record that could not be forgotten when both sides had ended is forgotten as soon as it can be', async () => {
  await journal.write({ ...entry(H1, 'target', 'not-run', 2), settled: true });
  let full = true;
  const forget = (id: string) => (full ? Promise.reject(new Error('no space')) : journal.forget(id));
  const { handoffs, hear } = testNode({ ...journal, forget }, undefined);
  alive.push(handoffs);
  await handoffs.recover();
  hear({ type: 'ended' });
  await until('it has ended', () => handoffs.parties.get(H1)?.ended === true);
  // Longer than an ended handoff is kept for its peer's last words.
  await sleep(6000);
  full = false;
  await until('its record is gone', async () => (await journal.all()).length === 0);
});

test('a word to an earlier life of this node changes nothing, and is answered', async () => {
  const { said, hear, toVm } = await rebooted('source', 'aborted');
  hear({ type: 'not-run', reason: 'given up' }, { peerIncarnation: 1 });
  await until('it is told where this side stands', () => said.some(m => m.type === 'abort'));
  await sleep(300);
  assert.equal(toVm(), []);
  assert.is((await newest())?.bootId, 'an earlier boot');
});

test('a word from an earlier life of the peer changes nothing', async () => {
  const { hear, toVm } = await rebooted('source', 'aborted');
  hear({ type: 'ask' }, { incarnation: 5 });
  hear({ type: 'not-run', reason: 'given up' }, { incarnation: 4 });
  await sleep(300);
  assert.equal(toVm(), []);
  hear({ type: 'not-run', reason: 'given up' }, { incarnation: 5 });
  await until('it stays', () => toVm().includes('stays 1'));
});

for (const [what, dataPages, pagesDone, lost] of [
  ['has not all of its pages', 100, 99, true],
  ['was started anew, and was never told which pages there are', 0, 0, true],
  ['has all of its pages', 100, 100, false],
] as const) {
  test(`a guest whose source has let go is ${lost ? 'ended as lost' : 'kept'} when its page server ${what}`, async () => {
    const read = entry(H1, 'target', 'owner', 2);
    await journal.write({ ...read, session: { handoff: H1 } as typeof read.session });
    const server = {
      on: quiet,
      resumed: async () => undefined,
      stats: async () => ({ dataPages, pagesDone }),
    };
    const servers = { keepOnly: async () => undefined, adopt: async () => server };
    const lostOnes: string[] = [];
    const more = { memoryLost: async (vm: string) => void lostOnes.push(vm) };
    const { handoffs, hear, said, toVm } = testNode(
      journal,
      { epoch: 2, runState: 'running' },
      more,
      servers,
    );
    alive.push(handoffs);
    await handoffs.recover();
    await until('it runs', () => said.some(m => m.type === 'running'));
    hear({ type: 'record', role: 'source', state: 'released' });
    await sleep(200);
    assert.equal(lostOnes, lost ? [VM] : []);
    assert.is(toVm().includes('end'), lost);
  });
}

test("an operator's word in doubt starts the VM from its disk, above every claim of the other side", async () => {
  const source = await rebooted('source', 'committed');
  source.handoffs.parties.get(H1)?.resolve('peer-is-off by the word of ann');
  await until('it starts', () => source.toVm().includes('start-cold 65538'));
  assert.is((await newest())?.record, 'resolved');
});

test.run();
