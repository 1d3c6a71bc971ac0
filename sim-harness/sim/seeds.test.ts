import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { campaign } from './campaign.ts';
import { run } from './run.ts';

const kept = readFileSync(fileURLToPath(new URL('./kept-seeds.txt', import.meta.url)), 'utf8')
  .split('\n')
  .flatMap(line => {
    const [, seed, plain] = /^(\d+)( plain)? /.exec(line) ?? [];
    return seed === undefined ? [] : [{ seed: Number(seed), plain: plain !== undefined }];
  });

/** A plant is found in the first dozens of seeds; which one it is shifts with every change of the agent. */
const ENOUGH = 1000;

test('no rule of handoff.md breaks in the first sixty seeds with faults, and faults of many kinds were among them', async () => {
  const sum = await campaign({ from: 1, count: 60, nodes: 5 });
  assert.equal(sum.violations, []);
  assert.is(sum.seeds, 60);
  assert.ok(sum.moves > 100, `${sum.moves} moves`);
  const often = Object.entries(sum.injected).filter(([, count]) => count >= 10);
  assert.ok(often.length >= 10, JSON.stringify(sum.injected));
});

test('seeds that have failed once do not fail again', async () => {
  assert.ok(kept.length > 0);
  for (const { seed, plain } of kept) {
    const { violations } = await run({ seed, plain, nodes: 5, faults: true, log: false, plants: new Set() });
    assert.equal(violations, [], `seed ${seed}`);
  }
});

for (const planted of ['commit-without-postmigrate', 'retaken-unasked', 'autostart'])
  test(`the simulator is seen to fail: ${planted} is found`, async () => {
    const sum = await campaign({ from: 1, count: ENOUGH, nodes: 5, planted, untilFailure: true });
    assert.ok(sum.violations.length > 0);
  });

test.run();
