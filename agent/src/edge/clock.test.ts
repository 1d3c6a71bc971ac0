import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock, every, sleep } from './clock.ts';

test('what a node waits for comes once, in its order, and not at all when it is called off', async () => {
  const seen: string[] = [];
  clock.after(30, () => seen.push('later'));
  const callOff = clock.after(10, () => seen.push('called off'));
  clock.after(10, () => seen.push('soon'));
  callOff();
  await sleep(clock, 100);
  assert.equal(seen, ['soon', 'later']);
});

test('what a node does again and again can be ended from within', async () => {
  let rounds = 0;
  await new Promise<void>(resolve => {
    const end = every(clock, 5, () => {
      rounds += 1;
      if (rounds < 3) return;
      end();
      resolve();
    });
  });
  await sleep(clock, 30);
  assert.is(rounds, 3);
});

test('an agent that has nothing but idle waits left may end', () => {
  const script = `import { clock, every } from ${JSON.stringify(new URL('./clock.ts', import.meta.url).href)};
    every(clock, 600_000, () => undefined, 'idle');
    clock.after(600_000, () => undefined, 'idle');`;
  const args = ['--conditions=source', '--import', 'tsx', '--input-type=module', '-e', script];
  assert.is(spawnSync(process.execPath, args, { timeout: 60_000 }).status, 0);
});

test.run();
