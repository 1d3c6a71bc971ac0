import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { type Database, openDatabase } from '../store/store.ts';
import type { OwnedVm } from '../vms/record.ts';
import { Handoffs, type HandoffsDeps, type HandoffsOptions } from './handoffs.ts';
import { createJournal, type Journal, type JournalEntry } from './journal.ts';
import { Words } from './words.ts';

const VM = '11111111-1111-4111-8111-111111111111';
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

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

function entry(handoff: string, role: 'source' | 'target', record: string, epoch: number): JournalEntry {
  const spec = { vm: VM, name: 'web1', memoryMib: 64, machine: 'pc', driver: 'micro', disks: [], nics: [] };
  const offer = { type: 'offer', handoff, vm: VM, spec, epoch, engine: 'postcopy', reason: 'overload' };
  return {
    handoff,
    role,
    record,
    seq: 3,
    peer: 'peer',
    bootId: 'boot',
    session: undefined,
    offer: offer as unknown as Offer,
  };
}

/** Handoffs of a node with a real journal; what is done to its one VM is written down instead. */
function node(owned: { epoch: number; runState: string } | undefined, more: object = {}) {
  const done: string[] = [];
  const does =
    (what: string) =>
    async (...args: unknown[]) => {
      done.push([what, ...args.filter(a => typeof a === 'number')].join(' '));
    };
  const vmm = {
    on: () => quiet,
    runState: async () => owned?.runState,
    migrationStatus: async () => ({ status: 'completed', raw: {} }),
    cont: does('cont'),
    end: does('end'),
    announceSelf: does('announce'),
  };
  const vms = {
    get: () => owned && ({ record: { epoch: owned.epoch }, vmm } as unknown as OwnedVm),
    stays: (_: string, epoch: number) => does('stays')(epoch),
    left: does('left'),
    ...more,
  };
  const words = new Words({
    incarnation: 2,
    incarnationOf: () => 1,
    send: does('send'),
    log,
  });
  const deps = {
    ...{ journal, clock, log, words, vms, changed: quiet, switched: quiet, ended: quiet },
    host: { clean: does('clean'), clearDiskNonces: async () => undefined, adopt: async () => undefined },
    pageServers: {
      keepOnly: async () => undefined,
      adopt: async () => undefined,
      remove: async () => undefined,
    },
    past: { add: async () => undefined, last: async () => [] },
    nameOf: (peer: string) => peer,
  };
  const handoffs = new Handoffs(
    { self: 'self', bootId: 'boot' } as HandoffsOptions,
    deps as unknown as HandoffsDeps,
  );
  alive.push(handoffs);
  return { handoffs, done, toVm: () => done.filter(what => what !== 'send') };
}

const H1 = 'aaaaaaaa-1111-4111-8111-111111111111';
const H2 = 'bbbbbbbb-1111-4111-8111-111111111111';

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
    await journal.write({ ...entry(H1, role, record, 2), settled: true });
    for (const owned of [{ epoch: 3, runState: 'running' }, undefined]) {
      const { handoffs, done, toVm } = node(owned);
      await handoffs.recover();
      await sleep(400);
      assert.equal(toVm(), []);
      assert.ok(done.includes('send'), 'the peer is still told');
      assert.is(handoffs.parties.inHandoff(VM), false);
      assert.equal(handoffs.parties.over(), [], 'it is on the shelf of the past already');
      await handoffs.stop();
    }
  });
}

test('a handoff is settled in the journal once its end is carried out', async () => {
  await journal.write(entry(H1, 'source', 'released', 2));
  const { handoffs, toVm } = node({ epoch: 1, runState: 'postmigrate' });
  await handoffs.recover();
  await sleep(300);
  assert.equal(toVm(), ['end', 'clean', 'left']);
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
  assert.is((await journal.all())[0]?.settled, undefined);
  full = false;
  await sleep(1300);
  assert.ok(tries >= 2);
  assert.is(handoffs.parties.inHandoff(VM), false);
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
  assert.equal(toVm(), ['stays 1']);
  assert.is(handoffs.parties.inHandoff(VM), false);
  await handoffs.stop();
});

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
