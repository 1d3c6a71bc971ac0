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
const made = () => new ClusterView({ self: 'a', staleAfterMs: 3000, overloadPermille: 900 });

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

test('an overload is counted from its first report and forgotten when it breaks', () => {
  const view = made();
  view.merge(report('b', 1, { cpuPermille: 950 }), 1000);
  view.merge(report('b', 2, { cpuPermille: 900 }), 2000);
  assert.is(view.view(2500).nodes[0]?.overloadedForMs, 1500);
  view.merge(report('b', 3, { cpuPermille: 899 }), 3000);
  assert.is(view.view(3000).nodes[0]?.overloadedForMs, 0);
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
  const basis = view.basis();
  view.merge(report('b', 2, { cpuPermille: 100 }), 1000);
  const then = view.viewOf(basis, 1000);
  assert.ok('view' in then && then.view.nodes[0]?.cpuPermille === 950);
  assert.is(view.view(1000).nodes[0]?.cpuPermille, 100);
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

test.run();
