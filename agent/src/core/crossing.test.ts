import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mustYield, type Outgoing } from './crossing.ts';

const to = (peer: string, reason: string, accepted = false): Outgoing => ({ peer, reason, accepted });

test('of two crossing offers exactly one survives, whatever the reasons and ids', () => {
  for (const ours of ['overload', 'consolidate', 'manual', 'drain']) {
    for (const theirs of ['overload', 'consolidate', 'manual', 'drain']) {
      for (const [low, high] of [
        ['a', 'b'],
        ['12D3KooWA', '12D3KooWa'],
      ] as const) {
        const atHigh = mustYield(theirs, low, high, [to(low, ours)]) === undefined;
        const atLow = mustYield(ours, high, low, [to(high, theirs)]) === undefined;
        assert.is(Number(atLow) + Number(atHigh), 1, `${theirs} toward ${high}, ${ours} toward ${low}`);
      }
    }
  }
});

test('a packing yields to every other reason, whatever the ids', () => {
  assert.is(mustYield('overload', 'z', 'a', [to('z', 'consolidate')]), undefined);
  assert.match(mustYield('consolidate', 'a', 'z', [to('a', 'overload')]) ?? '', /goes first/);
});

test('once the peer has said yes to our VM, it can pack none back to us, though its id be lower', () => {
  assert.match(mustYield('consolidate', 'a', 'b', [to('a', 'consolidate', true)]) ?? '', /on its way/);
  assert.is(mustYield('overload', 'a', 'b', [to('a', 'consolidate', true)]), undefined);
});

test('a node that is being packed away takes no packing from a third, so that no circle comes about', () => {
  assert.match(mustYield('consolidate', 'a', 'b', [to('c', 'consolidate')]) ?? '', /packed away/);
  assert.is(mustYield('overload', 'a', 'b', [to('c', 'consolidate')]), undefined);
});

test('offers that do not cross anything are free to come', () => {
  assert.is(mustYield('consolidate', 'a', 'b', []), undefined);
  assert.is(mustYield('consolidate', 'a', 'b', [to('c', 'manual')]), undefined);
});

test.run();
