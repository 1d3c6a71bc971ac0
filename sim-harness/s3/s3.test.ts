/** A node whose kernel really goes to ACPI S3, and is really woken through the double of its AMT. Needs root. */
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT } from './init.ts';
import { type Night, night } from './testing.ts';

const test = suite('real S3');
const asRoot = process.getuid?.() === 0 ? test : test.skip;
const ASLEEP_S3 = 4;
let it: Night;

test.before(async () => {
  if (process.getuid?.() !== 0) return;
  it = await night(() => undefined).catch(error => {
    // uvu tells nothing of a hook that fails.
    console.error(error);
    throw error;
  });
});
test.after(() => it?.end());

async function until(what: () => boolean | Promise<boolean>, ms: number, words: string): Promise<void> {
  for (const end = performance.now() + ms; !(await what()); await sleep(200))
    if (performance.now() > end)
      throw new Error(`not within ${ms} ms: ${words}\n${it.machine.console.slice(-3000)}`);
}
const isAwake = async () => (await it.seen())?.state === 'awake';
const shoal = (words: string) => it.machine.type(`/usr/bin/node ${AGENT}/cli/main.js ${words}`);

asRoot('an agent in a machine of its own joins the mesh', async () => {
  await until(isAwake, 240_000, 'it is awake');
});

asRoot(
  'the supervised test: its kernel goes to S3, a peer wakes it through its AMT, and both say so',
  async () => {
    const before = (await it.seen())?.incarnation ?? 0;
    await shoal('sleep --test');
    await until(() => it.machine.state() === ASLEEP_S3, 120_000, 'it sleeps');
    assert.is((await it.seen())?.state, 'asleep');
    await until(() => it.machine.wokeAtMs.length > 0, 60_000, 'it is woken');
    await until(isAwake, 120_000, 'it says something');
    await until(async () => (await it.seen())?.sleepTest !== null, 60_000, 'the test is judged');
    const seen = await it.seen();
    assert.is(seen?.sleepTest?.passed, true, seen?.sleepTest?.why);
    assert.ok((seen?.incarnation ?? 0) > before);
    assert.is(seen?.lastWake?.method, 'amt');
    assert.ok((seen?.slept.seconds ?? 0) > 10, JSON.stringify(seen?.slept));
    assert.ok(it.amt.asked.includes('RequestPowerStateChange'));
    assert.is(it.machine.sleptAtMs.length, 1, 'once, by QEMU’s own word');
  },
);

asRoot('a node that wakes by itself is awake for all, and nobody claims to have woken it', async () => {
  const wake = JSON.stringify((await it.seen())?.lastWake);
  const sleeps = it.machine.sleptAtMs.length;
  await shoal('sleep');
  await until(() => it.machine.sleptAtMs.length > sleeps, 120_000, 'it sleeps again');
  await until(async () => (await it.seen())?.state === 'asleep', 5000, 'the other one knows');
  await sleep(3000);
  await it.machine.wake();
  await until(isAwake, 120_000, 'it says something');
  assert.is(JSON.stringify((await it.seen())?.lastWake), wake);
});

asRoot('one that loses its power while it sleeps comes back as a boot, and is awake for all', async () => {
  const before = (await it.seen())?.incarnation ?? 0;
  const sleeps = it.machine.sleptAtMs.length;
  await shoal('sleep');
  await until(() => it.machine.sleptAtMs.length > sleeps, 120_000, 'it sleeps again');
  await it.machine.powerLoss();
  await until(
    async () => (await isAwake()) && ((await it.seen())?.incarnation ?? 0) > before,
    240_000,
    'it is back',
  );
});

test.run();
