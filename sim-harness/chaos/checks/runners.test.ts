import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startTicksOf, vcpuNs } from './proc.ts';
import { Runners } from './runners.ts';

const vmm = (pid: number, node: string) =>
  ({ pid, startTicks: '1', vm: 'vm', node }) as Parameters<Runners['look']>[0]['vmms'][number];
const vmms = [vmm(1, 'n0'), vmm(2, 'n1')];

/** Looks at both: `[when n0 is read, its ms so far, when n1 is read, its ms so far]`. */
function seen(...looks: [number, number, number, number][]): number {
  const runners = new Runners();
  for (const [at0, used0, at1, used1] of looks) {
    const times = [at0, at0, at1, at1];
    runners.look(
      { vmms },
      pid => (pid === 1 ? used0 : used1) * 1e6,
      () => times.shift() ?? Number.NaN,
    );
  }
  return runners.violations.length;
}

test('a look that is held up while the guest changes sides proves nothing', () => {
  // n0 is read, runs for 40 more, the guest goes over, n1 is read.
  assert.is(seen([0, 0, 0, 0], [100, 100, 400, 200], [500, 140, 500, 300]), 0);
});

test('a guest that runs again where it came from is seen, whatever is read first', () => {
  assert.is(
    seen([0, 0, 0, 0], [100, 100, 101, 0], [200, 100, 201, 50], [300, 150, 301, 100]),
    0,
    'n0 may have run first',
  );
  assert.is(
    seen([0, 0, 0, 0], [100, 100, 101, 0], [200, 100, 201, 50], [300, 100, 301, 100], [400, 150, 401, 150]),
    1,
  );
  assert.is(
    seen([0, 0, 0, 0], [100, 100, 101, 100], [200, 200, 201, 200], [300, 300, 301, 300]),
    1,
    'both at once',
  );
});

test('the house-keeping of a VMM that stands is no run', () => {
  assert.is(seen([0, 0, 0, 0], [100, 100, 101, 0], [200, 100, 201, 50], [300, 104, 301, 100]), 0);
});

test('a process that ends says nothing of its vCPUs any more', async () => {
  const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [said] = (await once(shell.stdout, 'data')) as [Buffer];
  const zombie = Number(String(said));
  while (startTicksOf(zombie) !== '') await sleep(5);
  assert.is(vcpuNs(zombie), undefined);
  assert.is(vcpuNs(shell.pid ?? 0), 0, 'this one lives, and has none');
  shell.kill('SIGKILL');
});

test.run();
