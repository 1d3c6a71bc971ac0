import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, next, type Outcome, type Trial } from './calibrate.ts';

/** Content up to so much load alone; on one node with VM0, which has half as much, up to two thirds of it. */
const bank =
  (carries: number) =>
  async ({ arm, factor, cost }: Trial): Promise<number> =>
    factor * cost <= (arm === 'none' ? carries / 1.5 : carries) ? 99 : 60;

test('with the paper’s numbers of users nothing else is tried where they will do', async () => {
  for (const carries of [101, 149]) {
    const outcomes: Outcome[] = [];
    assert.equal(await calibrate(bank(carries), 100, outcomes), { factor: 1, cost: 100 }, String(carries));
    assert.is(outcomes.length, 2);
  }
});

test('else it is a factor of the grid at which VM1 is content alone and not beside VM0', async () => {
  for (const carries of [30, 60, 99, 151, 260, 440]) {
    const { factor, cost } = await calibrate(bank(carries), 100);
    const load = factor * cost;
    assert.ok(load <= carries && load > carries / 1.5, `${carries}: ${factor} of ${cost}`);
    assert.is(Math.round(factor * 100) % 5, 0);
  }
});

test('it is found in a few runs, each of another trial', async () => {
  const outcomes: Outcome[] = [];
  await calibrate(bank(30), 100, outcomes);
  assert.ok(outcomes.length <= 8, String(outcomes.length));
  const trials = outcomes.map(({ arm, factor, cost }) => `${arm} ${factor} ${cost}`);
  assert.is(new Set(trials).size, trials.length);
});

test('where even the most users are content beside VM0, pages cost more', async () => {
  const trials: Trial[] = [];
  const found = await calibrate(trial => {
    trials.push(trial);
    return bank(500)(trial);
  }, 100);
  assert.equal(found.cost, 125);
  assert.equal([...new Set(trials.map(t => t.cost))], [100, 125]);
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
  const apart = (goodPercent: number): Outcome => ({ arm: 'apart', factor: 1, cost: 8, goodPercent });
  const none = (goodPercent: number): Outcome => ({ ...apart(goodPercent), arm: 'none' });
  assert.equal(next([], 8), { trial: { arm: 'apart', factor: 1, cost: 8 } });
  assert.equal(next([apart(97)], 8), { trial: { arm: 'none', factor: 1, cost: 8 } });
  assert.equal(next([apart(97), none(75)], 8), { found: { factor: 1, cost: 8 } });
  assert.equal(next([apart(97), none(75.01)], 8), { trial: { arm: 'apart', factor: 2.05, cost: 8 } });
  assert.equal(next([apart(96.99)], 8), { trial: { arm: 'apart', factor: 0.6, cost: 8 } });
});

test('a bank that nobody is content with, or all are, has no scale, and one clear error says so', async () => {
  const code = (error: { code: string }) => error.code === 'SHOAL_EXPERIMENT_SCALE';
  for (const run of [bank(1), bank(1e9)]) {
    const failed = await calibrate(run, 100).then(
      () => undefined,
      error => error,
    );
    assert.ok(code(failed), String(failed));
  }
});

test.run();
