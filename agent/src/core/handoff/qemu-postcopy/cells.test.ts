import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../cells.ts';
import { sourceMachine, targetMachine } from '../machines.ts';
import { QEMU_SOURCE } from './source.ts';
import { QEMU_TARGET } from './target.ts';

type Row = [state: string, event: string, cell: Cell<string, string>];
const rows = (table: object): Row[] =>
  Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row as Record<string, Cell<string, string>>).map(
      ([event, cell]): Row => [state, event, cell],
    ),
  );
const SOURCE = rows(QEMU_SOURCE);
const TARGET = rows(QEMU_TARGET);

/** `state × event` of each cell that asks for that effect. */
const asking = (table: Row[], effect: string): string[] =>
  table
    .filter(([, , cell]) => typeof cell !== 'string' && cell.do.includes(effect))
    .map(([state, event]) => `${state} × ${event}`);

test('every cell of both tables is decided, and leads to a state that there is', () => {
  for (const [table, all] of [
    [QEMU_SOURCE, SOURCE],
    [QEMU_TARGET, TARGET],
  ] as const) {
    const states = Object.keys(table);
    const events = Object.keys(Object.values(table)[0] as object);
    assert.is(all.length, states.length * events.length);
    for (const [state, event, cell] of all)
      assert.ok(typeof cell === 'string' || states.includes(cell.to), `${state} × ${event}`);
  }
});

test('the source commits only with its guest stopped and the target’s promise, and lets the device state go only after', () => {
  assert.equal(asking(SOURCE, 'write-committed'), ['stopping × pre-switchover']);
  assert.equal(asking(SOURCE, 'switch-over'), ['w-committed × written', 'committed × resend']);
});

test('until its device state goes the source aborts, whatever dies: nothing has left that could not stay', () => {
  const abort = { to: 'w-aborted', do: ['write-aborted'] };
  for (const state of ['stopping', 'w-committed'] as const)
    for (const event of ['stream-failed', 'vmm-exit', 'pages-exit', 'deadline', 'cancel', 'not-run'] as const)
      assert.equal(QEMU_SOURCE[state][event], abort, `${state} × ${event}`);
});

test('`run` is said first by a source whose VMM serves pages', () => {
  assert.equal(asking(SOURCE, 'send-run'), [
    'committed × serves',
    'committed × stream-paused',
    'serving × resend',
  ]);
});

test('the source brings its guest back only behind a synced record: its own `aborted`, or `retaken` after `not-run`', () => {
  assert.equal(asking(SOURCE, 'bring-back'), [
    'w-aborted × written',
    'aborting × resend',
    'w-retaken × written',
    'retaking × resend',
  ]);
  assert.equal(asking(SOURCE, 'write-retaken'), [
    'committed × not-run',
    'serving × not-run',
    'memoryless × not-run',
  ]);
});

test('after its commit the source never aborts, and says so only to a target that is ready and will have no memory', () => {
  const after = [
    'committed',
    'serving',
    'transferring',
    'memoryless',
    'w-released',
    'released',
    'w-retaken',
    'retaking',
  ];
  for (const [state, event, cell] of SOURCE.filter(([state]) => after.includes(state)))
    if (typeof cell !== 'string') {
      assert.not.ok(cell.do.includes('write-aborted'), `${state} × ${event}`);
      if (cell.do.includes('send-abort')) assert.is(`${state} × ${event}`, 'memoryless × ready');
    }
});

test('the guest runs on the target only behind a synced `owner`, which needs `run` and a VMM that has loaded', () => {
  assert.equal(asking(TARGET, 'cont'), ['w-owner × written', 'owner × resend']);
  assert.equal(asking(TARGET, 'write-owner'), ['ready-loaded × run', 'ready-run × loaded']);
});

test('no clock ends a promise: from `ready` on a deadline means nothing to the target', () => {
  for (const state of ['ready', 'ready-loaded', 'ready-run', 'w-owner', 'owner', 'running'] as const)
    assert.is(QEMU_TARGET[state].deadline, 'ignore', state);
});

test('a target that runs the guest gives it up only when its pages are lost or by an operator, never at the source’s word alone', () => {
  assert.equal(asking(TARGET, 'report-memory-lost'), ['running × pages-lost', 'running × resolve']);
  assert.equal(QEMU_TARGET.running.released, { to: 'running', do: ['ask-pages'] });
  assert.is(QEMU_TARGET.running.abort, 'ignore');
});

test('a record that was not written is asked for again until it is, on either side', () => {
  for (const [state, event, cell] of [...SOURCE, ...TARGET].filter(([state]) => state.startsWith('w-'))) {
    if (event === 'write-failed') assert.is(cell, 'ignore', state);
    if (event === 'resend') assert.equal(cell, { to: state, do: ['write-again'] });
  }
});

test('a stream that breaks in post-copy is taken up again by both sides wherever a page may be missing', () => {
  assert.equal(asking(SOURCE, 'resume-stream'), [
    'committed × stream-paused',
    'serving × stream-paused',
    'transferring × stream-paused',
  ]);
  const waiting = ['ready', 'ready-loaded', 'ready-run', 'w-owner', 'owner', 'running'];
  assert.equal(asking(TARGET, 'reopen-stream').sort(), waiting.map(s => `${s} × stream-paused`).sort());
});

test('every state stands for a record, and what a restarted agent makes of that record is a state of the same table', () => {
  const sides = [
    [sourceMachine('qemu-postcopy'), SOURCE],
    [targetMachine('qemu-postcopy'), TARGET],
  ] as const;
  for (const [machine, all] of sides) {
    const states = [...new Set(all.map(([state]) => state))];
    for (const state of states) {
      const record = machine.record(state as never);
      assert.type(machine.answer(state as never), 'string', state);
      // The second is a word between two nodes that were rebooted, on no disk.
      if (record === 'none' || record === 'was-resolved') continue;
      for (const rebooted of [false, true])
        assert.ok(states.includes(machine.recover(record, rebooted).state), `${state}: ${record}`);
    }
  }
});

test('a committed source whose agent restarts looks where its VMM stands before it says anything', () => {
  const { recover, answer } = sourceMachine('qemu-postcopy');
  assert.equal(recover('committed', false), {
    state: 'committed',
    effects: ['restart-pages', 'switch-over'],
  });
  assert.is(answer('committed'), 'record');
  assert.is(answer('serving'), 'run');
  assert.is.not(answer('memoryless'), 'run');
});

test('the other engines step their own tables', () => {
  for (const engine of ['postcopy', 'precopy'] as const) {
    assert.not.ok('serving' in sourceMachine(engine).table, engine);
    assert.not.ok('ready-run' in targetMachine(engine).table, engine);
  }
});

test.run();
