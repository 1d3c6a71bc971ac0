import type { Move } from '@shoal/policies';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type OwnHandoffs, ownRows } from './own-rows.ts';

const move = (vm: string, more: Partial<Move> = {}): Move =>
  ({ vm, name: vm, from: 'a', to: 'b', reason: 'overload', ...more }) as Move;
const own = (more: Partial<OwnHandoffs> = {}): OwnHandoffs => ({
  inflow: 0,
  outgoing: [],
  maxOutflow: 2,
  moving: () => false,
  restMs: () => 0,
  ...more,
});
const rows = (moves: Move[], o: OwnHandoffs) => {
  const { go, held } = ownRows(moves, 'a', o);
  return [go.map(m => m.vm), held.map(h => [h.vm, h.code, h.numbers])];
};

test('a node carries out the rows whose source it is, and no others', () => {
  assert.equal(rows([move('v'), move('w', { from: 'c' }), move('x')], own()), [['v', 'x'], []]);
});

test('a VM that rests after three refusals is held, with the time that is left', () => {
  const rests = own({ restMs: vm => (vm === 'v' ? 9000.4 : 0) });
  assert.equal(rows([move('v'), move('w')], rests), [['w'], [['v', 'resting', { leftMs: 9000 }]]]);
});

test('a VM whose handoff the last report did not show yet is held', () => {
  assert.equal(rows([move('v')], own({ moving: () => true })), [[], [['v', 'moving', {}]]]);
});

test('no more VMs leave at a time than the outflow allows, those under way counted', () => {
  const outgoing = [{ peer: 'c', reason: 'manual', accepted: true }];
  assert.equal(rows([move('v'), move('w')], own({ outgoing })), [
    ['v'],
    [['w', 'outflow', { now: 2, max: 2 }]],
  ]);
});

test('a node that a VM is on its way to is not packed away, but may still be relieved', () => {
  const fills = own({ inflow: 1 });
  assert.equal(rows([move('v', { reason: 'consolidate' })], fills), [[], [['v', 'yield', { inflow: 1 }]]]);
  assert.equal(rows([move('v')], fills), [['v'], []]);
});

test('what is held says so in a sentence', () => {
  const { held } = ownRows([move('vm3', { reason: 'consolidate' })], 'a', own({ inflow: 1 }));
  assert.is(held[0]?.sentence, 'vm3 waits: a VM is on its way to this node');
});

test.run();
