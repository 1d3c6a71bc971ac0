import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { overloadedAtS } from './detection.ts';
import { meanOf, pointsOf } from './series.ts';

const point = (atMs: number, cpuPercent: number) => ({ atMs, subject: 'vm0', cpuPercent, memoryMib: 0 });

test('points are seconds since the load began; what was before and after is left out', () => {
  const history = [point(9_500, 1), point(10_500, 2), point(11_500, 3), point(15_500, 4)];
  assert.equal(pointsOf(history, 10_000, 5000), [
    [0.5, 2],
    [1.5, 3],
  ]);
});

test('in the second of a switch both nodes tell of the VM: the side that ran it counts', () => {
  const history = [point(11_100, 0), point(11_400, 80), point(12_200, 70)];
  assert.equal(pointsOf(history, 10_000, 5000), [
    [1.4, 80],
    [2.2, 70],
  ]);
});

test('a mean over no points is none', () => {
  const series = [{ name: 'vm0', points: [[1, 10] as [number, number], [2, 30] as [number, number]] }];
  assert.is(meanOf(series, 'vm0', 0, 3), 20);
  assert.is(meanOf(series, 'vm0', 2, 3), 30);
  assert.is(meanOf(series, 'vm0', 5, 9), -1);
});

const line = (name: string, values: number[]) => ({
  name,
  points: values.map((value, i) => [i + 1, value] as [number, number]),
});
const steps = (before: number, after: number) => [...Array(20).fill(before), ...Array(20).fill(after)];

test('a node is overloaded once the mean of ten seconds is, with two active VMs', () => {
  const vms = [line('vm0', steps(20, 20)), line('vm1', steps(50, 80))];
  // 70 % to 20 s, 100 % after: 0.7 · 10 + 0.3 · n ≥ 9 from the seventh second on.
  assert.is(overloadedAtS([line('node0', steps(70, 100)), ...vms], 'node0', ['vm0', 'vm1'], 0, 10), 27);
});

test('one active VM may have all of a node', () => {
  const vms = [line('vm0', steps(1, 1)), line('vm1', steps(50, 99))];
  assert.is(overloadedAtS([line('node0', steps(51, 100)), ...vms], 'node0', ['vm0', 'vm1'], 0, 10), -1);
});

test('what was before the step is not looked at', () => {
  const vms = [line('vm0', steps(50, 50)), line('vm1', steps(50, 50))];
  assert.is(overloadedAtS([line('node0', steps(100, 100)), ...vms], 'node0', ['vm0', 'vm1'], 30, 10), 30);
});

test.run();
