import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THRESHOLD_DEFAULTS } from '../config.ts';
import { decide } from '../decide.ts';
import { node, view, vm } from '../testing.ts';
import type { NodeView, ThresholdConfig } from '../types.ts';

const suspend = (nodes: NodeView[], more: Partial<ThresholdConfig> = {}): string[] =>
  decide(view(...nodes), { ...THRESHOLD_DEFAULTS, ...more }).suspend;
const full = (id: string) => node(id, [vm(`${id}-vm`, 200)]);

test('of two nodes the one without VMs may sleep, of three one without VMs stands by', () => {
  assert.equal(suspend([full('a'), node('b', [])]), ['b']);
  assert.equal(suspend([full('a'), node('b', []), node('c', [])]), ['c']);
  assert.equal(suspend([full('a'), node('b', []), node('c', [])], { hostsInReserve: 0 }), ['c', 'b']);
  assert.equal(suspend([full('a'), node('b', []), node('c', [])], { hostsInReserve: 2 }), []);
});

test('where all are idle and without VMs exactly the reserve stays awake, and never nobody', () => {
  const empty = ['a', 'b', 'c', 'd'].map(id => node(id, []));
  assert.equal(suspend(empty), ['d', 'c', 'b']);
  assert.equal(suspend(empty, { hostsInReserve: 2 }), ['d', 'c']);
  assert.equal(suspend(empty, { hostsInReserve: 0 }), ['d', 'c', 'b']);
  assert.equal(suspend(empty.slice(0, 2)), ['b']);
});

test('those that sleep already are not counted twice', () => {
  const asleep = node('c', [], { state: 'asleep' });
  assert.equal(suspend([full('a'), node('b', []), asleep]), []);
  assert.equal(suspend([full('a'), node('b', []), asleep], { hostsInReserve: 0 }), ['b']);
  assert.equal(suspend([node('a', []), node('b', [], { state: 'asleep' })]), []);
});

test('a node that a person holds, or that has something under way, stays awake and is no reserve', () => {
  for (const more of [
    { cordoned: true },
    { paused: true },
    { inflow: 1 },
    { outflow: 1 },
    { mode: 'observe' },
  ] as const)
    assert.equal(suspend([full('a'), node('b', []), node('c', [], more)]), [], JSON.stringify(more));
});

test('a silent node neither sleeps nor stands by', () => {
  assert.equal(suspend([full('a'), node('b', []), node('c', [], { state: 'stale' })]), []);
});

test('nobody sleeps while there are moves to make, a node to wake, or an overload', () => {
  const hot = node('a', [vm('v0', 300), vm('v1', 700)]);
  assert.equal(suspend([hot, node('b', []), node('c', [])]), []);
  const stuck = node('a', [vm('v0', 300, { migration: 'never' }), vm('v1', 700, { migration: 'never' })]);
  assert.equal(suspend([stuck, node('b', []), node('c', [])]), []);
});

test('a stopped VM keeps no node awake', () => {
  assert.equal(suspend([full('a'), node('b', [vm('x', 0, { state: 'stopped' })])]), ['b']);
});

test.run();
