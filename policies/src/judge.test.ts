import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THRESHOLD_DEFAULTS } from './config.ts';
import { CONSTRAINTS, judge } from './judge.ts';
import { node, view, vm } from './testing.ts';
import type { Move, NodeView, Refusal, ThresholdConfig, VmView } from './types.ts';

const plan = (more: Partial<Move> = {}): Move => ({
  vm: 'v0',
  name: 'v0',
  from: 'a',
  to: 'b',
  reason: 'consolidate',
  engine: 'postcopy',
  projected: [],
  sentence: '',
  ...more,
});
type Planted = { vm?: Partial<VmView>; from?: Partial<NodeView>; to?: Partial<NodeView> };
const found = (
  planted: Planted,
  move: Partial<Move> = {},
  config: ThresholdConfig = THRESHOLD_DEFAULTS,
): Refusal[] =>
  judge(
    view(
      node('a', [vm('v0', 100, planted.vm)], planted.from),
      node('b', [vm('w', 200, { labels: { plb_anti_affinity_db: '' } })], planted.to),
    ),
    config,
    [plan(move)],
  );

test('a move that breaks nothing is not complained about', () => {
  assert.equal(found({}), []);
});

const table: [string, Planted, Record<string, number>][] = [
  ['fits-memory', { to: { memoryFreeMib: 511 } }, { freeMib: 511, needMib: 512 }],
  ['fits-cpu', { to: { cpuPermille: 600 } }, { after: 700, limit: 700 }],
  ['pinned', { vm: { pinnedMs: 5 } }, { leftMs: 5 }],
  ['migration-never', { vm: { migration: 'never' } }, {}],
  ['moving', { vm: { moving: true } }, {}],
  ['claimed', { to: { vms: [vm('v0', 0)] } }, {}],
  ['not-running', { vm: { state: 'paused' } }, {}],
  ['backoff', { vm: { backoffMs: 7 } }, { leftMs: 7 }],
  ['stale', { from: { state: 'stale' } }, {}],
  ['paused', { to: { paused: true } }, {}],
  ['window', { to: { windowFull: false } }, {}],
  ['cordoned', { to: { cordoned: true } }, {}],
  ['mode', { to: { mode: 'advise' } }, {}],
  ['policy-differs', { to: { policyHash: 'q' } }, {}],
  ['inflow', { to: { inflow: 1 } }, { now: 1, max: 1 }],
  ['outflow', { from: { outflow: 2 } }, { now: 2, max: 2 }],
  ['cooldown', { to: { sinceRelocationMs: 9000 } }, { leftMs: 1000 }],
  ['anti-affinity', { vm: { labels: { plb_anti_affinity_db: '' } } }, {}],
];
for (const [code, planted, numbers] of table) {
  test(`a planted plan that breaks ${code} is found out, for that and nothing else, with its numbers`, () => {
    assert.equal(
      found(planted).map(r => [r.code, r.numbers]),
      [[code, numbers]],
    );
    assert.match(found(planted)[0]?.sentence ?? '', /^v0 may not go from a to b: /);
  });
}

test('every constraint has a row in that table', () => {
  assert.equal(CONSTRAINTS.map(c => c.code).sort(), table.map(row => row[0]).sort());
});

test('a spread may fill a node up to the overload and move a VM in backoff, a packing may not', () => {
  assert.equal(found({ to: { cpuPermille: 700 }, vm: { backoffMs: 1 } }, { reason: 'overload' }), []);
});

test('without backoff a VM that rests may be packed', () => {
  const v = view(node('a', [vm('v0', 1, { backoffMs: 7 })]), node('b', [vm('w', 2)]));
  assert.is(judge(v, THRESHOLD_DEFAULTS, [plan()])[0]?.code, 'backoff');
  assert.equal(judge(v, { ...THRESHOLD_DEFAULTS, backoff: 'off' }, [plan()]), []);
});

test('a cooldown of the nodes that took part does not hold the others up', () => {
  const v = view(node('a', [vm('v0', 1)]), node('b', [vm('w', 2)]), node('c', [], { sinceRelocationMs: 0 }));
  assert.equal(judge(v, { ...THRESHOLD_DEFAULTS, cooldownScope: 'node' }, [plan()]), []);
  assert.is(judge(v, THRESHOLD_DEFAULTS, [plan()])[0]?.code, 'cooldown');
});

test('earlier moves of the same plan count: memory, CPU, inflow, and a VM that was moved already', () => {
  const v = view(
    node('a', [vm('v0', 300), vm('v1', 300)]),
    node('b', [vm('w', 200)], { memoryFreeMib: 600 }),
  );
  const codes = judge(v, THRESHOLD_DEFAULTS, [plan(), plan({ vm: 'v1', name: 'v1' }), plan()]).map(
    r => `${r.vm} ${r.code}`,
  );
  for (const code of ['v1 fits-memory', 'v1 fits-cpu', 'v1 inflow', 'v0 moving', 'v0 outflow'])
    assert.ok(codes.includes(code), `${code} in ${codes.join(', ')}`);
});

test('a plan about a VM, a node or a pair that is not there is no plan', () => {
  for (const wrong of [{ vm: 'x' }, { from: 'x' }, { to: 'x' }, { to: 'a' }])
    assert.equal(
      found({}, wrong).map(r => r.code),
      ['no-target'],
    );
});

test.run();
