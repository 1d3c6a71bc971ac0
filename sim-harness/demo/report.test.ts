import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeRun, type Move, type Sample } from './report.ts';

const move = (change: Partial<Move>): Move => ({
  vm: 'vm0',
  from: 'node0',
  to: 'node1',
  reason: 'overload',
  engine: 'postcopy',
  outcome: 'done',
  decidedAtMs: 48_000,
  switchedAtMs: 48_100,
  switchMs: 30,
  blackoutMs: 20,
  transferMs: 900,
  wireBytes: 1,
  faults: { count: 1, p50Us: 1, p99Us: 1, maxUs: 1 },
  badPages: 0,
  ...change,
});
const back = move({ from: 'node1', to: 'node0', reason: 'consolidate' });
const together: Sample[] = [{ atMs: 0, nodes: {}, vms: {}, on: { vm0: 'node0', vm1: 'node0' } }];
const apart: Sample[] = [{ atMs: 0, nodes: {}, vms: {}, on: { vm0: 'node0', vm1: 'node1' } }];

test('out of the overload and back together is what the staircase asks for', () => {
  assert.is(judgeRun([move({}), back], together, 0).verdict, 'ok');
});

test('a run fails without moves, with a third one, with VMs left apart, a wrong page or a silent guest', () => {
  for (const [moves, samples] of [
    [[], together],
    [[move({})], apart],
    [[move({}), back, move({})], together],
    [[move({}), move({ ...back, badPages: 1 })], together],
    [[move({ badPages: -1 }), back], together],
    [[move({ vm: 'vm1' }), back], together],
    [[move({ outcome: 'aborted' }), back], together],
  ] as const)
    assert.is(judgeRun([...moves], [...samples], 0).verdict, 'failed');
});

test('a run in which strangers took the cores is inconclusive, whatever came of it', () => {
  assert.is(judgeRun([move({}), back], together, 0.5).verdict, 'inconclusive');
  assert.is(judgeRun([], apart, 0.5).verdict, 'inconclusive');
});

test.run();
