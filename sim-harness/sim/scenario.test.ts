import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scenario, scenarioNames } from './scenario.ts';

for (const name of scenarioNames()) {
  test(`scenario ${name}: what is asserted holds, and the log is the expected one`, async () => {
    assert.equal((await scenario(name, false)).faults, []);
  });
}

test.run();
