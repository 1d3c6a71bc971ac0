import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, next, type Outcome, type Trial } from './calibrate.ts';

/** A bank that is content up to so much load; together with VM0 it has half as much again. */
const bank =
  (carries: number, together = 60) =>
  async ({ arm, factor, cost }: Trial): Promise<number> => {
    if (arm === 'none') return together;
    return factor * cost <= carries ? 99 : 80;
  };

test('the factor is the largest of the grid at which VM1 alone is content', async () => {
  for (const [carries, factor] of [
    [101, 1],
    [106, 1.05],
    [74, 0.7],
    [20, 0.2],
    [1000, 3],
  ] as const)
    assert.equal(await calibrate(bank(carries), 100), { factor, cost: 100 }, String(carries));
});

test('it is found in a few runs, each of another trial', async () => {
  const outcomes: Outcome[] = [];
  await calibrate(bank(87), 100, outcomes);
  assert.ok(outcomes.length <= 8, String(outcomes.length));
  const trials = outcomes.map(({ arm, factor, cost }) => `${arm} ${factor} ${cost}`);
  assert.is(new Set(trials).size, trials.length);
});

test('while VM1 is content beside VM0 too, pages cost more, and the factor is found anew', async () => {
  const trials: Trial[] = [];
  const run = async (trial: Trial) => {
    trials.push(trial);
    return trial.arm === 'none' ? (trial.cost > 130 ? 75 : 75.1) : bank(100)(trial);
  };
  assert.equal(await calibrate(run, 100), { factor: 0.6, cost: 156 });
  assert.equal(
    trials.filter(t => t.arm === 'none').map(t => t.cost),
    [100, 125, 156],
  );
});

test('what was measured is not measured again', async () => {
  const outcomes: Outcome[] = [];
  const found = await calibrate(bank(87), 100, outcomes);
  const again = await calibrate(
    () => Promise.reject(new Error('it is known')),
    100,
    outcomes.map(o => ({ ...o })),
  );
  assert.equal(again, found);
});

test('97 % alone is enough and 75 % together is not too much', () => {
  const outcomes: Outcome[] = [1, 2.05, 1.55, 1.3, 1.15, 1.1, 1.05].map(factor => ({
    ...{ arm: 'apart', factor, cost: 8 },
    goodPercent: factor > 1 ? 96.99 : 97,
  }));
  assert.equal(next(outcomes, 8), { trial: { arm: 'none', factor: 1, cost: 8 } });
  outcomes.push({ arm: 'none', factor: 1, cost: 8, goodPercent: 75 });
  assert.equal(next(outcomes, 8), { found: { factor: 1, cost: 8 } });
});

test('a bank that nobody is content with, or all are, has no scale, and one clear error says so', async () => {
  const code = (error: { code: string }) => error.code === 'SHOAL_EXPERIMENT_SCALE';
  for (const run of [bank(1), bank(1e9, 99)]) {
    const failed = await calibrate(run, 100).then(
      () => undefined,
      error => error,
    );
    assert.ok(code(failed), String(failed));
  }
});

test.run();
