import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { partitionRun, sleepRun } from './sleep.ts';

const SEEDS = 25;

test('after any storm exactly the reserve is awake beside the nodes with VMs, and an overload wakes somebody', async () => {
  let [sleeps, wakes] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = await sleepRun(seed, false);
    assert.equal(result.violations, [], `seed ${seed}`);
    sleeps += result.sleeps;
    wakes += result.wakes;
  }
  assert.ok(sleeps > SEEDS, `${sleeps} sleeps`);
  assert.ok(wakes > SEEDS / 5, `${wakes} wakes`);
});

test('a partition sends nobody to sleep, however long it lasts, and once it is healed the reserve is what stays awake', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) assert.equal(await partitionRun(seed), [], `seed ${seed}`);
});

test.run();
