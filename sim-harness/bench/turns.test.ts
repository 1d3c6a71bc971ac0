import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Others } from './others.ts';
import { discardedText, exitCode, jsonText, keptOf, takeTurns } from './take-turns.ts';
import { plan } from './turns.ts';

const bench = () => 'bench';
const ways = (arms: string[], turns: number, vmOf: (arm: string) => string, arm: string) =>
  plan(arms, turns, vmOf).flatMap(step => (step.turn > 0 && step.arm === arm ? [step.from] : []));

test('each arm goes both ways equally often, also where the arms are even', () => {
  for (const arms of [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd', 'e', 'f']])
    for (const arm of arms) {
      const found = ways(arms, 4, bench, arm);
      assert.equal([...found].sort(), [0, 0, 1, 1], `${arm} of ${arms}`);
    }
});

test('the order turns round every other turn, and the first turn only warms up', () => {
  const found = plan(['a', 'b'], 2, bench);
  assert.equal(found.map(step => step.arm).join(''), 'abbaab');
  assert.equal(
    found.map(step => step.turn),
    [0, 0, 1, 1, 2, 2],
  );
});

test('a VM starts where it came to with the arm before it', () => {
  const from = plan(['a', 'b', 'c'], 3, bench).map(step => step.from);
  assert.equal(
    from,
    from.map((_, i) => i % 2),
  );
});

test('two VMs go to and fro each by itself', () => {
  const vmOf = (arm: string) => (arm === 'direct' ? 'other' : 'bench');
  for (const arm of ['a', 'b', 'direct'])
    assert.equal([...ways(['a', 'direct', 'b'], 2, vmOf, arm)].sort(), [0, 1], arm);
});

const quiet: Others = { share: 0.01, cores: [0.01, 0.01] };
const busy: Others = { share: 0.2, cores: [0.3, 0.1] };

/** A VM that is moved by nobody but this. */
function staged(others: Others[], badPages: number[] = []) {
  const seen: string[] = [];
  let at = 0;
  return {
    seen,
    turns: {
      arms: ['a', 'b'],
      vmOf: bench,
      name: (arm: string) => arm,
      bring: async (arm: string, from: 0 | 1) => {
        if (at !== from) seen.push(`${arm} back`);
        at = from;
      },
      move: async (arm: string, from: 0 | 1) => {
        assert.is(at, from);
        at = 1 - at;
        seen.push(`${arm}${from}`);
        return {
          result: seen.length,
          others: others.shift() ?? quiet,
          badPages: badPages.shift() ?? 0,
          said: '',
        };
      },
      say: () => undefined,
    },
  };
}

test('a move that others disturbed is made again the same way, and told with its reason', async () => {
  const { seen, turns } = staged([quiet, quiet, busy]);
  const took = await takeTurns({ ...turns, runs: 1 });
  assert.equal(seen, ['a0', 'b1', 'b0', 'b back', 'b0', 'a1']);
  assert.equal(took.discarded, [{ arm: 'b', turn: 1, why: 'others used 20 % of the cores' }]);
  assert.equal([keptOf(took.turns, 'a').length, keptOf(took.turns, 'b')], [1, [5]]);
  assert.match(
    discardedText(took.discarded, 'r'),
    /^1 moves discarded \(rule: r\):\n {2}b 1: others used 20 %/,
  );
  assert.is(discardedText([], 'r'), '0 moves discarded (rule: r)\n');
});

test('a move that is disturbed each time is given up, and the warm-up is never made again', async () => {
  const { seen, turns } = staged(Array(8).fill(busy));
  const took = await takeTurns({ ...turns, runs: 1 });
  assert.is(seen.filter(step => step === 'b0').length, 3);
  assert.equal(keptOf(took.turns, 'b'), []);
  assert.is(took.discarded.length, 6);
});

test('a page that is wrong counts also in a move that counts in no figure', async () => {
  const { turns } = staged([quiet, quiet, busy], [1, 0, 2]);
  assert.is((await takeTurns({ ...turns, runs: 1 })).badPages, 3);
});

test('a wrong page fails a bench, and a run that is missing makes it inconclusive', () => {
  assert.equal([exitCode(0, true), exitCode(0, false), exitCode(1, true), exitCode(1, false)], [0, 2, 1, 1]);
});

test('an infinite ratio is no null in JSON', () => {
  assert.is(JSON.parse(jsonText({ median: Number.POSITIVE_INFINITY })).median, 'Infinity');
});

test.run();
