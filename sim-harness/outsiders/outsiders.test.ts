import { openDatabase } from '@shoal/agent/edge/store/store';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attack } from './attack.ts';
import { replayAway } from './attacks/replays.ts';
import { ATTACKS, outsiders } from './run.ts';
import { changes, type Picture } from './watch.ts';

/** A full run takes minutes; here are those that no test of a part makes as well. */
const IN_CI = [
  'outsider',
  'connections',
  'garbage-handshake',
  'http-changes',
  'big-frame',
  'theft',
  'forged-author',
  'wrong-signature',
  'replay-away',
];

/** A node that has forgotten up to where it heard its peers: the fault that remembering is there against. */
const forgetful: Attack = {
  ...replayAway(async ({ victim, until }) => {
    // The lock of a process that was killed is let go of a moment after it.
    const db = await until('the database is free', () => openDatabase(victim.stateDir));
    await db.delete('marks', 'heard');
    await db.close();
  }),
  name: 'planted',
};

test('no outsider and no stolen member changes anything on another node, and the logs say what was refused', async () => {
  const attacks = ATTACKS.filter(a => IN_CI.includes(a.name));
  assert.is(attacks.length, IN_CI.length);
  const all = await outsiders({ attacks: [...attacks, forgetful], connections: 300 });
  const outcomes = all.filter(o => o.attack !== 'planted');
  assert.equal(
    outcomes.filter(o => o.violations.length > 0),
    [],
  );
  const [planted] = all.filter(o => o.attack === 'planted');
  assert.ok(
    planted?.violations.some(v => v.includes('the dead node1 was taken for awake')),
    `a node that forgets is found: ${JSON.stringify(planted)}`,
  );
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
};

test('the look at the nodes finds what an attack did to them', () => {
  assert.equal(changes(before, { ...before, rssMib: 120, fds: 50 }), []);
  const done: Partial<Picture>[] = [
    { pid: undefined },
    { vms: [] },
    { vms: ['prey node0 running 1', 'evil node0 running 1'] },
    { nodes: ['node0 awake 1', 'node1 stale 1'] },
    { flags: 'observe true false 0' },
    { handoffs: ['h judging'] },
    { processes: ['8 99', '9 99'] },
    { rssMib: 200 },
    { fds: 400 },
  ];
  for (const more of done) {
    const found = changes(before, { ...before, ...more });
    assert.is(found.length, 1, JSON.stringify(more));
    assert.match(found[0] as string, /^node0: /);
  }
});

test.run();
