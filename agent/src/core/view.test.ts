import { isOverloaded, THRESHOLD_DEFAULTS } from '@shoal/policies';
import type { LoadReport } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ClusterView } from './view.ts';

const report = (node: string, seq: number, more: Partial<LoadReport> = {}): LoadReport => ({
  node,
  name: node,
  incarnation: 1,
  seq,
  version: '0',
  addresses: [],
  http: '',
  mode: 'auto',
  policyHash: 'p',
  cordoned: false,
  pausedMs: 0,
  cores: 1,
  cpuPermille: 200,
  cpuNowPermille: 200,
  windowFull: true,
  memoryMib: 4096,
  memoryFreeMib: 2048,
  diskReadBps: 0,
  diskWriteBps: 0,
  netRxBps: 0,
  netTxBps: 0,
  sinceRelocationMs: -1,
  relocation: '',
  vms: [],
  handoffs: [],
  elected: false,
  ...more,
});
const vm = (name: string, more = {}) => ({
  vm: name,
  name,
  epoch: 1,
  state: 'running' as const,
  cpuMilli: 100,
  cpuNowMilli: 100,
  memoryMib: 512,
  residentMib: 100,
  diskReadBps: 0,
  diskWriteBps: 0,
  netRxBps: 0,
  netTxBps: 0,
  vcpus: 1,
  migration: 'postcopy' as const,
  pinnedMs: 0,
  backoffLevel: 0,
  backoffMs: 0,
  ...more,
});
const made = () =>
  new ClusterView({ self: 'a', staleAfterMs: 3000, overloaded: r => isOverloaded(r, THRESHOLD_DEFAULTS) });

test('a report that was seen before, or an older one, changes nothing', () => {
  const view = made();
  assert.is(view.merge(report('b', 2), 0), 'new');
  assert.is(view.merge(report('b', 2, { cpuPermille: 999 }), 10), 'old');
  assert.is(view.merge(report('b', 1, { cpuPermille: 999 }), 10), 'old');
  assert.is(view.view(10).nodes[0]?.cpuPermille, 200);
});

test('a restarted node is believed from its first report on, whatever its sequence', () => {
  const view = made();
  view.merge(report('b', 500), 0);
  assert.is(view.merge(report('b', 1, { incarnation: 2 }), 1), 'new');
  assert.is(view.merge(report('b', 501), 2), 'old');
});

test('a silent node turns stale, the looking node itself never does', () => {
  const view = made();
  view.merge(report('a', 1), 0);
  view.merge(report('b', 1), 0);
  assert.equal(
    view.view(3001).nodes.map(n => n.state),
    ['awake', 'stale'],
  );
});

test('nodes and VMs come in order of their ids, whoever was heard first', () => {
  const view = made();
  view.merge(report('c', 1, { vms: [vm('z'), vm('y')] }), 0);
  view.merge(report('a', 1), 0);
  assert.equal(
    view.view(0).nodes.map(n => n.node),
    ['a', 'c'],
  );
  assert.equal(
    view.view(0).nodes[1]?.vms.map(v => v.vm),
    ['y', 'z'],
  );
});

test('remaining times shrink and past times grow with the age of a report', () => {
  const view = made();
  view.merge(
    report('b', 1, {
      pausedMs: 500,
      sinceRelocationMs: 100,
      vms: [vm('v', { pinnedMs: 700, backoffMs: 200 })],
    }),
    1000,
  );
  const node = view.view(1600).nodes[0];
  assert.is(node?.paused, false);
  assert.is(node?.sinceRelocationMs, 700);
  assert.is(node?.vms[0]?.pinnedMs, 100);
  assert.is(node?.vms[0]?.backoffMs, 0);
});

const busy = (cpuPermille: number, low = 100) => ({
  cpuPermille,
  vms: [vm('v', { cpuMilli: low }), vm('w', { cpuMilli: 800 })],
});

test('an overload is counted from its first report and forgotten when it breaks', () => {
  const view = made();
  view.merge(report('b', 1, busy(950)), 1000);
  view.merge(report('b', 2, busy(900)), 2000);
  assert.is(view.view(2500).nodes[0]?.overloadedForMs, 1500);
  view.merge(report('b', 3, busy(899)), 3000);
  assert.is(view.view(3000).nodes[0]?.overloadedForMs, 0);
});

test('a node at 100 % with one active VM is not overloaded: its overload begins when a second one wakes', () => {
  const view = made();
  for (let seq = 1; seq <= 60; seq++) view.merge(report('b', seq, busy(1000, 10)), seq * 1000);
  assert.is(view.view(60_000).nodes[0]?.overloadedForMs, 0);
  view.merge(report('b', 61, busy(1000, 50)), 61_000);
  assert.is(view.view(61_500).nodes[0]?.overloadedForMs, 500);
});

test('an overload is not counted through a silence or a restart of its node', () => {
  const view = made();
  view.merge(report('b', 1, busy(950)), 0);
  view.merge(report('b', 2, busy(950)), 3001);
  assert.is(view.view(3001).nodes[0]?.overloadedForMs, 0);
  view.merge(report('b', 1, { ...busy(950), incarnation: 2 }), 4000);
  assert.is(view.view(4000).nodes[0]?.overloadedForMs, 0);
});

test('a VM in a handoff counts as moving, and its handoff as inflow or outflow', () => {
  const view = made();
  const handoff = {
    handoff: 'h',
    vm: 'v',
    role: 'source' as const,
    peer: 'c',
    engine: 'postcopy' as const,
    stage: 'switching',
    ageMs: 0,
    inDoubt: false,
  };
  view.merge(report('b', 1, { vms: [vm('v'), vm('w')], handoffs: [handoff] }), 0);
  const node = view.view(0).nodes[0];
  assert.equal([node?.inflow, node?.outflow], [0, 1]);
  assert.equal(
    node?.vms.map(v => v.moving),
    [true, false],
  );
});

test('an offer is judged on the very reports it names, though newer ones have come', () => {
  const view = made();
  view.merge(report('b', 1, { cpuPermille: 950 }), 0);
  const basis = view.basis(0);
  view.merge(report('b', 2, { cpuPermille: 100 }), 1000);
  const then = view.viewOf(basis, 1000);
  assert.ok('view' in then && then.view.nodes[0]?.cpuPermille === 950);
  assert.is(view.view(1000).nodes[0]?.cpuPermille, 100);
});

test('a report that was overtaken changes nothing in the view, but an offer that stands on it can be judged', () => {
  const view = made();
  view.merge(report('b', 2, { cpuPermille: 100 }), 1000);
  assert.is(view.merge(report('b', 1, { cpuPermille: 950 }), 1100), 'old');
  assert.is(view.view(1100).nodes[0]?.cpuPermille, 100);
  const then = view.viewOf([{ node: 'b', incarnation: 1, seq: 1 }], 1100);
  assert.ok('view' in then && then.view.nodes[0]?.cpuPermille === 950);
  assert.is('view' in then && then.view.nodes[0]?.ageMs, 100, 'as old as the one that overtook it, at least');
});

test('a report of a peer’s earlier life changes nothing, however high its sequence', () => {
  const view = made();
  view.merge(report('b', 1, { incarnation: 3, cpuPermille: 100 }), 0);
  assert.is(view.merge(report('b', 999, { incarnation: 2, cpuPermille: 950 }), 10), 'old');
  assert.equal([view.view(10).nodes[0]?.cpuPermille, view.view(10).nodes[0]?.incarnation], [100, 3]);
});

test('a node that floods the mesh with reports costs the memory of its newest ones only', () => {
  const view = made();
  for (let seq = 1; seq <= 1000; seq++) view.merge(report('b', seq), seq);
  const at = (seq: number) => 'view' in view.viewOf([{ node: 'b', incarnation: 1, seq }], 1000);
  assert.equal([at(1000), at(745), at(744)], [true, true, false]);
});

test('a decision stands on the living: a restarted target that never heard of the dead can judge it', () => {
  const source = made();
  const target = new ClusterView({ self: 'b', staleAfterMs: 3000, overloaded: () => false });
  source.merge(report('dead', 7), 0);
  for (const node of ['a', 'b']) {
    source.merge(report(node, 1), 60_000);
    target.merge(report(node, 1), 60_000);
  }
  assert.equal(
    source.basis(60_000).map(r => r.node),
    ['a', 'b'],
  );
  assert.ok('view' in target.viewOf(source.basis(60_000), 60_000));
});

test('what a silent node carried stays in the view with its age, marked as stale', () => {
  const view = made();
  view.merge(report('b', 1, { vms: [vm('v')] }), 0);
  const node = view.view(60_000).nodes[0];
  assert.equal([node?.state, node?.ageMs, node?.vms.map(v => v.vm)], ['stale', 60_000, ['v']]);
});

test('a report that this node does not hold is named, not guessed', () => {
  const view = made();
  view.merge(report('b', 1), 0);
  assert.equal(view.viewOf([{ node: 'b', incarnation: 1, seq: 9 }], 0), {
    missing: { node: 'b', incarnation: 1, seq: 9 },
  });
  view.merge(report('b', 2), 10_001);
  assert.ok('missing' in view.viewOf([{ node: 'b', incarnation: 1, seq: 1 }], 10_001));
});

test('a node that left the mesh is gone from the view', () => {
  const view = made();
  view.merge(report('b', 1), 0);
  view.forget('b');
  assert.equal(view.reports(0), []);
});

const mark = (seq: number, incarnation = 1) => ({ incarnation, seq });
const basisOf = (seq: number) => [{ node: 'b', ...mark(seq) }];

test('a captured report that is told again much later is a replay: no offer can be made to stand on it', () => {
  const view = made();
  for (let seq = 1; seq <= 30; seq++) view.merge(report('b', seq), seq * 1000);
  assert.is(view.merge(report('b', 19, { cpuPermille: 950 }), 30_100), 'replay');
  assert.ok('missing' in view.viewOf(basisOf(19), 30_100));
  assert.is(view.merge(report('b', 21), 30_100), 'old', 'one that may only be late is none');
});

test('the last report of a node that fell silent brings it back to nobody', () => {
  const view = made();
  view.merge(report('b', 7), 0);
  for (const atMs of [2000, 9000, 11_000, 3_600_000]) {
    assert.is.not(view.merge(report('b', 7), atMs), 'new');
    assert.is(view.reports(atMs)[0]?.ageMs, atMs);
  }
  assert.is(view.merge(report('b', 7), 3_600_000), 'replay');
  assert.is(view.merge(report('b', 8), 3_600_001), 'new');
});

test('a restarted node takes no report that its earlier life has heard, and every newer one', () => {
  const view = new ClusterView({ self: 'a', staleAfterMs: 3000, overloaded: () => false }, [
    ['b', mark(50, 2)],
  ]);
  assert.is(view.merge(report('b', 50, { incarnation: 2 }), 0), 'replay');
  assert.is(view.merge(report('b', 900, { incarnation: 1 }), 0), 'replay');
  assert.equal(view.reports(0), []);
  assert.is(view.merge(report('b', 51, { incarnation: 2 }), 0), 'new');
  assert.is(view.merge(report('b', 1, { incarnation: 3 }), 0), 'new');
  assert.is(view.merge(report('c', 1), 0), 'new', 'a node that was never heard of');
});

test('marks are the newest of every node that was ever heard, also of those that left', () => {
  const view = new ClusterView({ self: 'a', staleAfterMs: 3000, overloaded: () => false }, [
    ['b', mark(50)],
    ['c', mark(9)],
  ]);
  view.merge(report('b', 51), 0);
  view.merge(report('d', 4), 0);
  view.forget('d');
  assert.equal([...view.marks()].sort(), [
    ['b', mark(51)],
    ['c', mark(9)],
    ['d', mark(4)],
  ]);
  assert.is(view.merge(report('d', 4), 1), 'replay');
});

test('a report that waited on its way keeps its author awake no longer than one that came at once would have', () => {
  const view = made();
  view.merge(report('b', 1), 1000);
  view.merge(report('b', 2), 3300, 1000);
  assert.is(view.reports(3300)[0]?.ageMs, 1000);
  view.merge(report('b', 3), 3500);
  view.merge(report('b', 4), 3700, 1000);
  assert.is(view.reports(3700)[0]?.ageMs, 200, 'it was made after the one before it had come');
});

test.run();
