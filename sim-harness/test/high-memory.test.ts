/** A guest whose memory goes beyond the hole under 4 GiB: there, a page has another address than place in its file. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, moved, TWO_QEMU_NODES } from './help.ts';

const PAGE_BYTES = 4096;
const MEMORY_MIB = 3840;
const FILLED_MIB = 48;
/** `pc` has what is below in its file below the hole, and what is above from 4 GiB on (QEMU hw/i386/pc_piix.c, lowmem). */
const BELOW_MIB = 3072;
const WAIT_MS = 60_000;

let lab: Lab;
const test = suite('memory above 4 GiB');

before(test, async () => {
  lab = await bringUp({ name: 'highmem', ...TWO_QEMU_NODES });
});
test.after(() => lab?.down());

/** Pages with data in the upper part of a RAM file. Reads of tmpfs fill no hole. */
function pagesAbove(ram: string): number {
  const file = openSync(ram, 'r');
  const [block, zeros] = [Buffer.alloc(2 ** 20), Buffer.alloc(2 ** 20)];
  let pages = 0;
  for (let mib = BELOW_MIB; mib < MEMORY_MIB; mib++) {
    readSync(file, block, 0, block.length, mib * 2 ** 20);
    if (block.equals(zeros)) continue;
    for (let at = 0; at < block.length; at += PAGE_BYTES)
      if (!block.subarray(at, at + PAGE_BYTES).equals(zeros.subarray(0, PAGE_BYTES))) pages++;
  }
  closeSync(file);
  return pages;
}

test('a guest with its data above 4 GiB is moved and finds each page where it was', async () => {
  await lab.runVm('node0', { name: 'vm', memoryMib: MEMORY_MIB, crash: 'leave' });
  const guest = await lab.guest('vm');
  // Linux gives a program what is above 4 GiB first (mm/page_alloc.c, zonelists).
  for (const line of [`fill ${FILLED_MIB}`, 'touch 1000']) await guest.command(line, WAIT_MS);
  const filled = (FILLED_MIB * 2 ** 20) / PAGE_BYTES;
  const { vm = '' } = (await lab.node('node0').get<ClusterStatus>('/v1/status')).vms[0] ?? {};
  const above = pagesAbove(join(lab.node('node0').ramDir, `${vm}.ram`));
  assert.ok(above >= filled, `${above} pages above 4 GiB, of ${filled} that the guest has filled`);
  const { boot } = (await guest.glance(WAIT_MS)) ?? {};
  await moved(lab, 'vm', ['node0', 'node1'], 'postcopy');
  assert.is(await guest.verify(60), 0, 'every page is as the guest wrote it');
  assert.is((await guest.status()).filled, filled);
  assert.is((await guest.glance(WAIT_MS))?.boot, boot, 'it has not booted');
  assert.ok(pagesAbove(join(lab.node('node1').ramDir, `${vm}.ram`)) >= filled);
});

test.run();
