import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, moved, TWO_QEMU_NODES } from './help.ts';

const FILLED_MIB = 32;
const DIR = resolve('out', 'mixed-qemu');
const test = suite('mixed QEMU');
let lab: Lab;

/** First and last on the PATH: the same on most machines; under `npm run test:qemu` a newer one and the machine's own. */
function qemus(): [string, string] {
  const all = execFileSync('which', ['-a', 'qemu-system-x86_64'], { encoding: 'utf8' }).trim().split('\n');
  return [all.at(-1)!, all[0]!];
}

before(test, async () => {
  const [older, newer] = qemus();
  mkdirSync(DIR, { recursive: true });
  const qemu = join(DIR, 'qemu');
  // One configuration for all nodes: a VMM of node0 is known by its directory.
  writeFileSync(
    qemu,
    `#!/bin/sh\ncase " $*" in */n0/*) exec '${older}' "$@" ;; esac\nexec '${newer}' "$@"\n`,
  );
  chmodSync(qemu, 0o755);
  lab = await bringUp({
    name: 'mixed',
    ...TWO_QEMU_NODES,
    settings: { vms: { qemu } },
  });
  await lab.runVm('node0', { name: 'vm', memoryMib: 128 });
  await (await lab.guest('vm')).command(`fill ${FILLED_MIB}`);
});
test.after(async () => {
  await lab?.down();
  rmSync(DIR, { recursive: true, force: true });
});

const THERE_AND_BACK = [
  ['node0', 'node1'],
  ['node1', 'node0'],
] as const;

for (const engine of ['postcopy', 'warm', 'precopy', 'qemu-postcopy'])
  test(`a VM moves by ${engine} between nodes that may have different QEMUs, and its memory is whole`, async () => {
    for (const way of THERE_AND_BACK) {
      await moved(lab, 'vm', way, engine);
      const guest = await lab.guest('vm');
      assert.is(await guest.verify(100), 0, `every page is as the guest wrote it, on ${way[1]}`);
      assert.is((await guest.status()).filled, (FILLED_MIB * 2 ** 20) / 4096, 'it is the same guest still');
    }
  });

test.run();
