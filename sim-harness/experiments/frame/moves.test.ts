import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { blockedS, type Follow, neededS, since } from './moves.ts';
import { moveFor } from './testing.ts';

const out = moveFor({ decidedAtMs: 100_000, switchedAtMs: 101_000, transferMs: 20_000 });
const back = moveFor({
  from: 'node1',
  to: 'node0',
  reason: 'consolidate',
  decidedAtMs: 300_000,
  switchedAtMs: 301_000,
  transferMs: 20_000,
});

test('a node is needed from the decision to move a VM there until its last page is out', () => {
  assert.is(neededS([out, back], 'node1', 400_000), 221);
});

test('under pre-copy nothing is left behind at the switch', () => {
  const moved = { switchedAtMs: 360_000, transferMs: -1 };
  assert.is(neededS([out, { ...back, ...moved }], 'node1', 400_000), 260);
});

test('a node that still holds a VM is needed to the end, and one that never had any never', () => {
  assert.is(neededS([out], 'node1', 400_000), 300);
  assert.is(neededS([], 'node1', 400_000), 0);
});

test('a move that was given up needs no node', () => {
  assert.is(neededS([moveFor({ ...out, outcome: 'aborted' })], 'node1', 400_000), 0);
});

test('two VMs on it: until the last one has left', () => {
  const other = moveFor({ vm: 'vm1', decidedAtMs: 150_000, switchedAtMs: 151_000 });
  const later = moveFor({
    ...back,
    vm: 'vm1',
    decidedAtMs: 390_000,
    switchedAtMs: 391_000,
    transferMs: 4000,
  });
  assert.is(neededS([out, other, back, later], 'node1', 500_000), 295);
});

test('a VM that comes a second time counts for both of its stays', () => {
  const again = moveFor({ decidedAtMs: 400_000, switchedAtMs: 401_000 });
  assert.is(neededS([out, back, again], 'node1', 450_000), 221 + 50);
});

test('both sides of a handoff are told of, though only its source knows when it was decided', () => {
  const side = (handoff: string, role: string, decided: number) =>
    ({ handoff, role, at: { decided } }) as unknown as Follow;
  const all = [
    side('a', 'source', 5),
    side('a', 'target', -1),
    side('b', 'source', 50),
    side('b', 'target', -1),
  ];
  assert.equal(
    since(all, 10).map(one => `${one.handoff} ${one.role}`),
    ['b source', 'b target'],
  );
});

test('of the threads that stood for pages only vCPUs count, at the target, of that VM', () => {
  const side = (over: object) =>
    ({
      name: 'vm0',
      role: 'target',
      blocked: [
        { thread: 'CPU 0/TCG', us: 1_500_000, faults: 3 },
        { thread: 'qemu-system-x86', us: 9_000_000, faults: 1 },
      ],
      ...over,
    }) as unknown as Follow;
  assert.is(blockedS([side({}), side({}), side({ name: 'vm1' }), side({ role: 'source' })], 'vm0'), 3);
});

test.run();
