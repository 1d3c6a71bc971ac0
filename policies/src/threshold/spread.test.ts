import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THRESHOLD_DEFAULTS } from '../config.ts';
import { decide } from '../decide.ts';
import { node, view, vm } from '../testing.ts';
import type { ThresholdConfig, View } from '../types.ts';

const config = THRESHOLD_DEFAULTS;
const free: ThresholdConfig = { ...config, maxInflow: 9, maxOutflow: 9 };
const moves = (v: View, c: ThresholdConfig = config) =>
  decide(v, c).moves.map(m => `${m.vm}:${m.from}>${m.to}`);
const refused = (v: View, code: string, c: ThresholdConfig = config) =>
  decide(v, c).refusals.find(r => r.code === code);

const hot = (id: string, more = {}) => node(id, [vm(`${id}-low`, 200), vm(`${id}-high`, 800)], more);

test('of two overloaded nodes the busier one chooses first, between equals the lower id', () => {
  const busier = node('b', [vm('b-low', 190), vm('b-high', 800)], { cpuPermille: 990 });
  const hotter = node('c', [vm('c-low', 200), vm('c-high', 800)], { cpuPermille: 1000 });
  const two = [node('x', []), node('y', [vm('y0', 50)])];
  assert.equal(moves(view(busier, hotter, ...two)), ['c-low:c>x', 'b-low:b>y']);
  assert.equal(moves(view(hot('d'), hot('c'), ...two)), ['c-low:c>x', 'd-low:d>y']);
});

test('the VMs of an overloaded node are placed the busiest first, between equals the lower id', () => {
  const a = node('a', [vm('v2', 200), vm('v1', 200), vm('v0', 100), vm('v3', 500)], { cpuPermille: 1000 });
  const idle = [node('b', []), node('c', [vm('c0', 50)]), node('d', [vm('d0', 90)])];
  assert.equal(moves(view(a, ...idle), free), ['v1:a>b', 'v2:a>c', 'v0:a>d']);
});

test('the emptiest idle node is the target, between equals the lower id', () => {
  assert.equal(moves(view(hot('a'), node('b', [vm('b0', 10)]), node('c', []))), ['a-low:a>c']);
  assert.equal(moves(view(hot('a'), node('c', []), node('b', []))), ['a-low:a>b']);
});

test('a VM whose pages still come counts as active but is not moved on', () => {
  const degraded = vm('v0', 200, { state: 'degraded', moving: true });
  const a = node('a', [degraded, vm('v1', 300), vm('v2', 500)]);
  assert.equal(moves(view(a, node('b', []))), ['v1:a>b']);
  const one = node('a', [degraded, vm('v2', 800)]);
  assert.is(refused(view(one, node('b', [])), 'not-running')?.vm, 'v0');
});

test('a paused VM is not active, whatever its window still remembers', () => {
  const a = node('a', [vm('v0', 200, { state: 'paused' }), vm('v1', 800)]);
  assert.equal(decide(view(a, node('b', [])), config), { ...nothing(), suspend: ['b'] });
});

const woken = (v: View): string[] => decide(v, config).wake.map(row => row.node);

test('without an idle node a sleeping one is asked for before a busy one is made busier', () => {
  const v = view(hot('a'), node('b', [vm('b0', 500)]), node('z', [], { state: 'asleep' }));
  assert.equal(moves(v), []);
  assert.equal(woken(v), ['z']);
});

test('two VMs that fit together ask for one sleeping node, two that do not ask for two', () => {
  const asleep = ['y', 'z'].map(id => node(id, [], { state: 'asleep' }));
  const small = node('a', [vm('v0', 100), vm('v1', 100), vm('v2', 800)]);
  assert.equal(woken(view(small, ...asleep)), ['y', 'y']);
  const large = node('a', [vm('v0', 480), vm('v1', 490), vm('v2', 500)], { cpuPermille: 1000 });
  assert.equal(woken(view(large, ...asleep)), ['y', 'z']);
});

test('a sleeping node without the memory for it is left asleep', () => {
  const small = node('y', [], { state: 'asleep', memoryMib: 256, memoryFreeMib: 256 });
  assert.equal(woken(view(hot('a'), small)), []);
});

test('without idle and sleeping nodes the least loaded one is taken, if it ends below the source', () => {
  assert.equal(moves(view(hot('a'), node('b', [vm('x', 500)]), node('c', [vm('y', 400)]))), ['a-low:a>c']);
  assert.equal(moves(view(hot('a'), node('b', [vm('x', 700)]))), []);
});

test('an overloaded node is no target, though its own VMs are about to leave it', () => {
  const b = node('b', [vm('b0', 300), vm('b1', 310), vm('b2', 320)], { cpuPermille: 930 });
  const a = node('a', [vm('a0', 60), vm('a1', 900)], { cpuPermille: 960 });
  for (const move of decide(view(a, b, node('c', [vm('c0', 280)])), free).moves) assert.is(move.to, 'c');
});

test('a VM that two living nodes claim is moved by neither, one that only a silent node claims too is', () => {
  const twin = node('b', [vm('a-low', 0)]);
  assert.is(refused(view(hot('a'), twin), 'claimed')?.vm, 'a-low');
  assert.equal(moves(view(hot('a'), twin)), []);
  const silent = node('c', [vm('a-low', 0)], { state: 'stale' });
  assert.equal(moves(view(hot('a'), node('b', []), silent)), ['a-low:a>b']);
});

test('no more VMs leave a node at a time than its outflow allows, those under way counted', () => {
  const a = node('a', [vm('v0', 100), vm('v1', 110), vm('v2', 120), vm('v3', 670)]);
  const idle = ['b', 'c', 'd'].map(id => node(id, []));
  assert.equal(moves(view(a, ...idle)), ['v2:a>b', 'v1:a>c']);
  assert.equal(refused(view(a, ...idle), 'outflow')?.numbers, { now: 2, max: 2 });
  assert.equal(moves(view({ ...a, outflow: 1 }, ...idle)), ['v2:a>b']);
});

test('every node that was looked at is named with its verdict, its reason and what it would come to', () => {
  const v = view(
    hot('a'),
    node('b', [vm('b0', 750)]),
    node('c', [], { cordoned: true }),
    node('d', [], { memoryFreeMib: 100 }),
    node('e', []),
    node('f', [vm('f0', 10)]),
  );
  assert.equal(
    decide(v, config).candidates.map(c => [c.node, c.verdict, c.code, c.cpuAfter]),
    [
      ['b', 'refused', 'fits-cpu', 950],
      ['c', 'refused', 'cordoned', 200],
      ['d', 'refused', 'fits-memory', 200],
      ['e', 'chosen', '', 200],
      ['f', 'fits', '', 210],
    ],
  );
});

test('a VM that fits nowhere stays, with the reason of each node in numbers', () => {
  const v = view(hot('a'), node('b', [vm('b0', 750)]), node('d', [], { memoryFreeMib: 100 }));
  assert.is(
    refused(v, 'no-target')?.sentence,
    'a-low stays on a (100 %): b would go from 75 % to 95 %, 90 % is the limit; d has 100 MiB free, it needs 512 MiB',
  );
  assert.is(
    refused(view(hot('a')), 'no-target')?.sentence,
    'a-low stays on a (100 %): there is no other node',
  );
});

const nothing = () => ({ moves: [], refusals: [], candidates: [], wake: [], suspend: [] });

test.run();
