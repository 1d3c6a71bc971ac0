import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Crash, gaveUpEarly, givenUp, notStarted } from './crashes.ts';

const crash = (atMs: number, action: Crash['action'] = 'restart', node = 'node0'): Crash => ({
  ...{ node, vm: 'vm0', action, atMs },
});
const down = { node: 'node0', vm: 'vm0', state: 'crashed' };
const four = [crash(0), crash(1), crash(2), crash(3, 'leave')];

test('a VM that stays crashed is seen, unless its node has given up on it', () => {
  const [seen] = notStarted([down], [crash(0)]);
  assert.is(seen?.what, 'a crashed VM was not started again: vm0 is crashed on node0');
  assert.is(notStarted([down], []).length, 1, 'of a crash that nobody told of, too');
  assert.is(notStarted([{ ...down, state: 'lost' }], [crash(0)]).length, 1);
  assert.equal(notStarted([down], four), []);
  assert.equal(notStarted([{ ...down, state: 'running' }], [crash(0)]), []);
});

test('a node gives up on a VM for itself alone, and until its next crash', () => {
  assert.ok(givenUp('node0', 'vm0', four));
  assert.not(givenUp('node1', 'vm0', four));
  assert.not(givenUp('node0', 'vm1', four));
  assert.not(givenUp('node0', 'vm0', [...four, crash(4)]), 'it was started by hand, and crashed again');
});

test('a node that gives up on a VM too early is seen: crashes elsewhere, and long ago, do not count', () => {
  assert.equal(gaveUpEarly(four), []);
  assert.match(gaveUpEarly(four.slice(1))[0]?.what ?? '', 'node0 gave up on vm0 at crash 3 in 10 minutes');
  assert.is(gaveUpEarly([crash(0, 'restart', 'node1'), ...four.slice(1)]).length, 1);
  assert.is(gaveUpEarly([crash(0), crash(1), crash(2), crash(600_000, 'leave')]).length, 1);
});

test.run();
