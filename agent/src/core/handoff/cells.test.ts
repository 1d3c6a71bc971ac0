import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  maybeInDoubt,
  recordOfSource,
  recordOfTarget,
  sourceAnswer,
  sourceRecord,
  targetAnswer,
  targetRecord,
} from './answers.ts';
import { type Cell, step } from './cells.ts';
import { COLUMNS } from './engines.ts';
import type { SourceEvent, SourceState } from './source-kinds.ts';
import type { TargetEvent, TargetState } from './target-kinds.ts';

type Cells = Record<string, Record<string, Cell<string, string>>>;
const TABLES = Object.entries(COLUMNS).flatMap(([engine, { source, target }]) => [
  { name: `${engine} source`, table: source as Cells, ends: ['released', 'aborted', 'retaken', 'resolved'] },
  {
    name: `${engine} target`,
    table: target as Cells,
    ends: ['transferred', 'not-run', 'resolved', 'yielded'],
  },
]);

/** Every decided cell as [state, event, new state, effects]. */
const moves = (table: Cells) =>
  Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row).flatMap(([event, cell]) =>
      typeof cell === 'string' ? [] : [{ state, event, to: cell.to, effects: cell.do }],
    ),
  );

for (const { name, table, ends } of TABLES) {
  test(`${name}: every state decides every event, and leads to a state that there is`, () => {
    const events = Object.keys(table.gone ?? {});
    for (const [state, row] of Object.entries(table)) {
      assert.equal(Object.keys(row).sort(), [...events].sort(), state);
      for (const cell of Object.values(row))
        assert.ok(cell === 'ignore' || cell === 'answer' || Object.hasOwn(table, cell.to), state);
    }
  });

  test(`${name}: every state but the first two can be reached from the first, or from a restart`, () => {
    const reached = new Set([
      Object.keys(table)[0],
      'rebooted',
      'returned',
      'returned-resolved',
      'memoryless',
    ]);
    for (let before = -1; before !== reached.size; ) {
      before = reached.size;
      for (const m of moves(table)) if (reached.has(m.state)) reached.add(m.to);
    }
    for (const state of Object.keys(table)) assert.ok(reached.has(state), state);
  });

  test(`${name}: who asks for a record waits for the journal's word, and asks again until it has it`, () => {
    for (const m of moves(table))
      for (const effect of m.effects.filter(e => e.startsWith('write-') && e !== 'write-again'))
        assert.is(m.to, `w-${effect.slice('write-'.length)}`, `${m.state} ${m.event}`);
    for (const [state, row] of Object.entries(table).filter(([s]) => s.startsWith('w-'))) {
      assert.is(row['write-failed'], 'ignore', `${state}: a failed write is not "not written"`);
      assert.equal(row.resend, { to: state, do: ['write-again'] });
      assert.type(row.written, 'object', state);
    }
  });

  test(`${name}: nothing but the peer's last word leads out of an end`, () => {
    for (const m of moves(table).filter(x => ends.includes(x.state))) {
      assert.ok([m.state, 'gone'].includes(m.to), `${m.state} ${m.event}`);
      if (m.to === 'gone') assert.ok(m.effects.includes('forget'), 'the record goes with it');
    }
    for (const cell of Object.values(table.gone ?? {})) assert.type(cell, 'string', 'gone is gone');
  });

  test(`${name}: every state that waits for the peer says something by itself again and again`, () => {
    const silent = Object.entries(table).filter(([, row]) => row.resend === 'ignore');
    const timed = ['offered', 'preparing', 'connecting', 'switching', 'switching-done', 'switching-ready'];
    for (const [state] of silent) assert.ok([...timed, 'judging', 'gone'].includes(state), state);
    for (const state of timed.filter(s => table[s]))
      assert.is.not(table[state]?.deadline, 'ignore', `${state} ends by its deadline`);
  });
}

for (const [engine, { source, target }] of Object.entries(COLUMNS)) {
  test(`${engine}: the source commits only when its own VMM stands for good and the target is ready`, () => {
    const into = moves(source as Cells).filter(m => m.to === 'w-committed' && m.state !== 'w-committed');
    assert.equal(
      into.map(m => [m.state, m.event]),
      [
        ['switching-done', 'ready'],
        ['switching-ready', 'postmigrate'],
      ],
    );
    assert.equal((source as Cells).switching?.postmigrate, { to: 'switching-done', do: [] });
  });

  test(`${engine}: \`run\` is said only by a source with \`committed\` on its disk, and never after a resolve`, () => {
    for (const m of moves(source as Cells).filter(x => x.effects.includes('send-run')))
      assert.is(m.to, 'committed');
    const saying = Object.keys(source).filter(s => sourceAnswer(s as SourceState) === 'run');
    assert.equal(saying, ['committed', 'transferring']);
  });

  test(`${engine}: a guest is resumed at the source only behind \`aborted\` or \`retaken\`, at the target behind \`owner\``, () => {
    for (const m of moves(source as Cells).filter(x => x.effects.includes('bring-back')))
      assert.ok(['aborting', 'retaking'].includes(m.to), `${m.state} ${m.event}`);
    for (const m of moves(target as Cells).filter(x => x.effects.includes('cont'))) assert.is(m.to, 'owner');
    const into = moves(target as Cells).filter(m => m.to === 'w-owner' && m.state !== 'w-owner');
    assert.equal(
      into.map(m => [m.state, m.event]),
      [['ready', 'run']],
    );
  });

  test(`${engine}: memory is freed at the source only once it has released, or by an operator's word`, () => {
    for (const m of moves(source as Cells).filter(x => x.effects.includes('free-ram')))
      assert.ok(['released', 'resolved'].includes(m.to), `${m.state} ${m.event}`);
    const into = moves(source as Cells).filter(m => m.to === 'w-released' && m.state !== 'w-released');
    for (const m of into.filter(x => ['committed', 'transferring'].includes(x.state)))
      assert.ok(['transferred', 'was-resolved'].includes(m.event), `${m.state} ${m.event}`);
  });

  test(`${engine}: once a target has said that the guest runs there, no way leads back to it at the source: its memory may go`, () => {
    const reached = new Set(['transferring']);
    for (let before = -1; before !== reached.size; ) {
      before = reached.size;
      for (const m of moves(source as Cells)) if (reached.has(m.state)) reached.add(m.to);
    }
    const after = moves(source as Cells).filter(m => reached.has(m.state));
    assert.ok(
      after.length > 0 && after.every(m => !m.effects.includes('bring-back')),
      [...reached].join(' '),
    );
    const into = moves(source as Cells).filter(m => m.to === 'transferring' && m.state !== 'transferring');
    assert.ok(into.length > 0);
    for (const m of into) assert.ok(m.event === 'running' || engine !== 'postcopy', `${m.state} ${m.event}`);
  });

  test(`${engine}: no clock ends a target that is ready, and \`not-run\` is final`, () => {
    assert.is(target.ready.deadline, 'ignore');
    for (const event of ['run', 'resolve', 'loaded', 'cont-ok'] as const) {
      assert.type(target['not-run'][event], 'string');
      assert.type(target['w-not-run'][event], 'string');
    }
  });

  test(`${engine}: two sides that contradict each other do not answer one another without end`, () => {
    for (const s of Object.keys(source) as SourceState[])
      for (const t of Object.keys(target) as TargetState[]) {
        let word: string = sourceAnswer(s);
        let toTarget = true;
        let said = 0;
        for (let talks = true; talks; said++) {
          assert.ok(said < 6, `${s} and ${t}`);
          if (toTarget) {
            const event = word === 'record' ? recordOfSource(sourceRecord(s)) : (word as TargetEvent);
            const stepped = step(target, t, event);
            talks = stepped.answer;
            word = targetAnswer(t);
          } else {
            const event = word === 'record' ? recordOfTarget(targetRecord(t)) : (word as SourceEvent);
            talks = step(source, s, event).answer;
            word = sourceAnswer(s);
          }
          toTarget = !toTarget;
        }
      }
  });
}

test('a node that may not decide alone shows its doubt, and only then', () => {
  const doubtful = [...Object.keys(COLUMNS.postcopy.source), ...Object.keys(COLUMNS.postcopy.target)].filter(
    s => maybeInDoubt(s as SourceState),
  );
  assert.equal(
    [...new Set(doubtful)],
    ['committed', 'memoryless', 'rebooted', 'returned', 'returned-resolved', 'ready', 'w-owner'],
  );
});

test('once the target may own the VM, a page server that ends is started again in every state, also while a record is written', () => {
  const { source, target } = COLUMNS.postcopy;
  for (const state of ['w-committed', 'committed', 'transferring'] as const)
    assert.equal(step(source, state, 'pages-exit'), { state, effects: ['restart-pages'], answer: false });
  for (const state of ['ready', 'w-owner', 'owner', 'running'] as const)
    assert.equal(step(target, state, 'pages-exit'), { state, effects: ['restart-pages'], answer: false });
});

test.run();
