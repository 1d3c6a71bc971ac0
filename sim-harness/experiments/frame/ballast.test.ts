import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Lab } from '../../lab/index.ts';
import { keepBallast } from './ballast.ts';

const MIB = 2 ** 20;
const dir = mkdtempSync('/dev/shm/shoal-ballast-');
test.after(() => rmSync(dir, { recursive: true, force: true }));

const ram = (node: string): string => join(dir, node, 'a.ram');
const fill = (node: string, mib: number): unknown =>
  execFileSync('fallocate', ['-l', `${mib}MiB`, ram(node)]);

/** MiB that are there within a second. */
async function holds(mib: number): Promise<void> {
  const now = () => (statSync(join(dir, 'ballast')).blocks * 512) / MIB;
  for (let i = 0; i < 50 && now() !== mib; i++) await sleep(40);
  assert.is(now(), mib);
}

test('memory is held, goes as a target fills, and is held again once the source has let go of its own', async () => {
  const nodes = ['n0', 'n1'].map(name => ({ name, ramDir: join(dir, name) }));
  for (const { ramDir } of nodes) mkdirSync(ramDir);
  fill('n0', 300);
  const said: string[] = [];
  const ballast = await keepBallast({ nodes } as unknown as Lab, 300, line => said.push(line));
  await holds(300);
  await sleep(300);
  fill('n1', 20);
  await holds(24);
  fill('n1', 300);
  await holds(0);
  rmSync(ram('n0'));
  await holds(300);
  await ballast.stop();
  assert.throws(() => statSync(join(dir, 'ballast')));
  assert.equal(said, []);
});

test.run();
