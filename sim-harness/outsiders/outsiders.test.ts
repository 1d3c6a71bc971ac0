import { join } from 'node:path';
import { readKey } from '@shoal/agent/edge/mesh/identity';
import { openDatabase } from '@shoal/agent/edge/store/store';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attack } from './attack.ts';
import { part } from './attacks/meddlers.ts';
import { replayAway } from './attacks/replays.ts';
import { Rogue } from './rogue.ts';
import { ATTACKS, type Outcome, outsiders } from './run.ts';
import { changes, counted, GROWTH_MAX, type Measure, type Picture } from './watch.ts';

/** A full run takes minutes; here are those that no test of a part makes as well. */
const IN_CI = [
  'outsider',
  'connections',
  'garbage-handshake',
  'http-changes',
  'big-frame',
  'theft',
  'meddler',
  'forged-author',
  'wrong-signature',
  'replay-away',
  'fickle',
  'reconnects',
  'token-guesses',
];

/** A node that has forgotten up to where it heard its peers: the fault that remembering is there against. */
const forgetful: Attack = {
  ...replayAway(async ({ victim, until }) => {
    // The lock of a process that was killed is let go of a moment after it.
    const db = await until('the database is free', () => openDatabase(victim.stateDir));
    await db.delete('marks', 'heard');
    await db.close();
  }),
  name: 'planted: forgetful',
};

/** A meddler that does have a part in the handoff: it has the key of the source. What it says must be found. */
const partner: Attack = {
  ...part(async ({ lab }) => {
    const identity = await readKey(join(lab.node('node0').stateDir, 'identity.key'));
    assert.ok(identity);
    return Rogue.start(identity.privateKey);
  }),
  name: 'planted: partner',
};

test('no outsider and no stolen member changes anything on another node, and the logs say what was refused', async () => {
  const attacks = ATTACKS.filter(a => IN_CI.includes(a.name));
  assert.is(attacks.length, IN_CI.length);
  const all = await outsiders({ attacks: [...attacks, partner, forgetful], connections: 300 });
  const isPlanted = (o: Outcome) => o.attack.startsWith('planted');
  const outcomes = all.filter(o => !isPlanted(o));
  assert.equal(
    outcomes.filter(o => o.violations.length > 0),
    [],
  );
  const finds = [
    ['a part of the handoff that gives it up', 'the move that was attacked ended as aborted'],
    ['a node that forgets', 'the dead node1 was taken for awake'],
  ] as const;
  for (const [i, planted] of all.filter(isPlanted).entries()) {
    const [what, violation] = finds[i] as (typeof finds)[number];
    assert.ok(
      planted.violations.some(v => v.includes(violation)),
      `${what} is found: ${JSON.stringify(planted)}`,
    );
  }
  assert.is(all.filter(isPlanted).length, finds.length);
  for (const [i, { said }] of outcomes.entries())
    assert.ok(said !== '' || attacks[i]?.said === undefined, `${attacks[i]?.name} is told of`);
});

const before: Picture = {
  node: 'node0',
  pid: 7,
  vms: ['prey node0 running 1'],
  nodes: ['node0 awake 1', 'node1 awake 1'],
  flags: 'observe false false 0',
  handoffs: [],
  processes: ['8 99'],
  rssMib: 80,
  fds: 40,
  logBytes: 5000,
  dbBytes: 30_000,
  registers: 4,
  tokens: 0,
  audit: 2,
  unacknowledged: 0,
};

const bounds = Object.entries(GROWTH_MAX) as [Measure, number][];

test('the look at the nodes finds what an attack did to them', () => {
  assert.equal(changes(before, { ...before, rssMib: 100, fds: 50 }), []);
  const done: Partial<Picture>[] = [
    { pid: undefined },
    { vms: [] },
    { vms: ['prey node0 running 1', 'evil node0 running 1'] },
    { nodes: ['node0 awake 1', 'node1 stale 1'] },
    { flags: 'observe true false 0' },
    { handoffs: ['h judging'] },
    { processes: ['8 99', '9 99'] },
    ...bounds.flatMap(([m, max]) => [{ [m]: before[m] + max + 1 }, { [m]: Number.NaN }]),
  ];
  for (const more of done) {
    const found = changes(before, { ...before, ...more });
    assert.is(found.length, 1, JSON.stringify(more));
    assert.match(found[0] as string, /^node0: /);
  }
  for (const [measure, max] of bounds)
    assert.equal(changes(before, { ...before, [measure]: before[measure] + max }), [], measure);
  assert.is(counted(['a', 'b'], 3), 2);
  assert.ok(Number.isNaN(counted(['a', 'b', 'c'], 3)), 'there may be more');
});

test('an attack that may leave more behind of one thing may do so up to there, and of no other', () => {
  for (const [measure, max] of bounds) {
    const may = { [measure]: max + 16 };
    const grown = (by: number) => changes(before, { ...before, [measure]: before[measure] + by }, [], may);
    assert.equal(grown(max + 16), [], measure);
    assert.is(grown(max + 17).length, 1, measure);
    for (const [other, otherMax] of bounds.filter(([m]) => m !== measure))
      assert.is(
        changes(before, { ...before, [other]: before[other] + otherMax + 1 }, [], may).length,
        1,
        other,
      );
  }
});

test('of a node that was started again only the process and its life may differ, and nothing of another one', () => {
  const again = { ...before, pid: 9, nodes: ['node0 awake 2', 'node1 awake 1'] };
  assert.equal(changes(before, again, ['node0']), []);
  const other = { ...before, node: 'node1', nodes: again.nodes };
  assert.equal(
    changes({ ...before, node: 'node1' }, other, ['node0']),
    [],
    'another node sees it in its next life',
  );
  const done: Partial<Picture>[] = [
    { pid: before.pid },
    { pid: undefined },
    { nodes: before.nodes },
    { nodes: ['node0 awake 3', 'node1 awake 1'] },
    { nodes: ['node0 awake 2', 'node1 awake 2'] },
    { nodes: ['node0 awake 2', 'node1 stale 1'] },
    { nodes: ['node0 awake 2'] },
    { vms: [] },
    { flags: 'auto false false 0' },
    { handoffs: ['h judging'] },
    { processes: ['9 99'] },
  ];
  for (const more of done)
    assert.is(changes(before, { ...again, ...more }, ['node0']).length, 1, JSON.stringify(more));
  assert.is(changes({ ...before, node: 'node1' }, { ...other, pid: 9 }, ['node0']).length, 1);
});

test.run();
