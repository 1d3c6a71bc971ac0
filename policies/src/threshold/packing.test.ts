import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THRESHOLD_DEFAULTS } from '../config.ts';
import { decide } from '../decide.ts';
import { node, view, vm } from '../testing.ts';
import type { ThresholdConfig, View } from '../types.ts';

const config = THRESHOLD_DEFAULTS;
const free: ThresholdConfig = { ...config, maxInflow: 9, maxOutflow: 9 };
const moves = (v: View, c: ThresholdConfig = free) =>
  decide(v, c).moves.map(m => `${m.vm}:${m.from}>${m.to}`);
const refused = (v: View, code: string) => decide(v, free).refusals.find(r => r.code === code);

test('all VMs of all idle nodes go to the idle node with the highest CPU', () => {
  const v = view(
    node('a', [vm('a0', 10), vm('a1', 20)]),
    node('b', [vm('b0', 200)]),
    node('c', [vm('c0', 40)]),
  );
  assert.equal(moves(v), ['a1:a>b', 'a0:a>b', 'c0:c>b']);
});

test('a node that is not idle takes no part, and an empty one is no target', () => {
  assert.equal(moves(view(node('a', [vm('a0', 300)]), node('b', [vm('b0', 20)]), node('c', []))), []);
});

test('the chosen node is filled below the margin, then the next one is opened', () => {
  const v = view(
    node('a', [vm('a0', 295)]),
    node('b', [vm('b0', 294)]),
    node('c', [vm('c0', 293)]),
    node('d', [vm('d0', 120)]),
  );
  assert.equal(moves(v), ['d0:d>a', 'c0:c>b']);
});

test('a packed node may come to just below the margin, never up to it', () => {
  const pair = (cpu: number) => view(node('a', [vm('a0', 299)]), node('b', [vm('b0', cpu)]));
  const tight = { ...free, packMarginPermille: 400 };
  assert.equal(moves(pair(200), tight), ['b0:b>a']);
  assert.equal(moves(pair(201), tight), []);
});

test('the node that was elected before stays elected while another has more CPU by a hair', () => {
  const elected = node('a', [vm('a0', 100)], { elected: true });
  assert.equal(moves(view(elected, node('b', [vm('b0', 120)]))), ['b0:b>a']);
  assert.equal(moves(view({ ...elected, elected: false }, node('b', [vm('b0', 120)]))), ['a0:a>b']);
});

test('an elected node that no longer qualifies elects nobody: the highest CPU decides again', () => {
  const b = node('b', [vm('b0', 120)]);
  const c = node('c', [vm('c0', 110)]);
  for (const more of [
    { cpuPermille: 400 },
    { windowFull: false },
    { paused: true },
    { state: 'stale' as const },
  ])
    assert.equal(moves(view(node('a', [vm('a0', 10)], { elected: true, ...more }), b, c)), ['c0:c>b']);
  const cordoned = node('a', [vm('a0', 10)], { elected: true, cordoned: true });
  assert.equal(moves(view(cordoned, b, c)), ['a0:a>b', 'c0:c>b']);
});

test('a VM that does not fit is refused for what it lacks: CPU below the margin, or memory', () => {
  const tight = view(node('a', [vm('a0', 100)], { memoryFreeMib: 500 }), node('b', [vm('b0', 50)]));
  assert.equal(
    [moves(tight), refused(tight, 'fits-memory')?.sentence],
    [[], 'b0 stays on b: a has 500 MiB free, it needs 512 MiB'],
  );
  const full = view(
    node('a', [vm('a0', 299)], { cores: 1 }),
    node('b', [vm('b0', 290, {}), vm('b1', 290)], { cores: 2 }),
  );
  const c = { ...free, packMarginPermille: 500 };
  assert.is(
    decide(full, c).refusals.find(r => r.code === 'fits-cpu')?.sentence,
    'b0 stays on b: a would go from 29.9 % to 58.9 %, 40 % is the limit',
  );
});

test('a packing under way goes on with the VMs that the inflow let wait', () => {
  const v = view(node('a', [vm('a0', 200)]), node('b', [vm('b0', 20), vm('b1', 10)]));
  assert.equal(moves(v, config), ['b0:b>a']);
  const waits = decide(v, config).refusals.find(r => r.code === 'inflow');
  assert.is(waits?.sentence, 'b1 waits: a takes in 1 VM at a time and has 1 coming');
});

test.run();
