import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bankPlan, seedOf, sessionsAt } from './plan.ts';

const of = (plan: ReturnType<typeof bankPlan>, vm: number, atMs: number) =>
  sessionsAt(plan.vms[vm]?.steps ?? [], atMs);

test('VM0 has 100 users throughout, VM1 20 and then 30 more every 10 s up to 200', () => {
  const plan = bankPlan(1, false);
  assert.is(plan.untilMs, 240_000);
  for (const atMs of [-1, 0, 239_999]) assert.is(of(plan, 0, atMs), 100);
  const seconds = [0, 69, 70, 79, 80, 90, 100, 110, 120, 239];
  assert.equal(
    seconds.map(s => of(plan, 1, s * 1000)),
    [20, 20, 50, 50, 80, 110, 140, 170, 200, 200],
  );
});

test('one factor scales all numbers, and none of them to nobody', () => {
  const plan = bankPlan(0.85, false);
  assert.equal(
    [of(plan, 0, 0), of(plan, 1, 0), of(plan, 1, 70_000), of(plan, 1, 200_000)],
    [85, 17, 43, 170],
  );
  const least = bankPlan(0.001, true);
  assert.equal([of(least, 0, 0), of(least, 1, 80_000)], [1, 1]);
});

test('users come one by one before the time that counts', () => {
  const plan = bankPlan(1, false);
  const fill = plan.vms[0]?.steps ?? [];
  assert.equal(fill.slice(0, 2), [
    { atMs: -40_000, sessions: 1 },
    { atMs: -39_800, sessions: 2 },
  ]);
  assert.is(of(plan, 0, plan.beginMs - 1), 0);
  assert.is(of(plan, 0, -20_000), 100);
});

test('a quick run has the same numbers in less time', () => {
  const quick = bankPlan(1, true);
  assert.equal(
    [of(quick, 0, 0), of(quick, 1, 0), of(quick, 1, 5_000), of(quick, 1, 25_000)],
    [100, 20, 50, 200],
  );
  assert.ok(quick.untilMs - quick.beginMs <= 90_000);
});

test('users of two VMs, of two seeds, and one after another have different seeds', () => {
  const seeds = [1, 2].flatMap(seed =>
    [0, 1].flatMap(vm => Array.from({ length: 2000 }, (_, serial) => seedOf(seed, vm, serial))),
  );
  assert.is(new Set(seeds).size, 8000);
});

test.run();
