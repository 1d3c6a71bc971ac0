import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Run } from './figures-table.ts';
import { handoffArms } from './handoff-arms.ts';
import { handoffTable, summary } from './handoff-text.ts';

const options = { engines: 'postcopy,precopy', order: '', compression: '' };
const armsOf = (some: Partial<typeof options>) => handoffArms({ ...options, ...some });

test('arms are the engines, ours once for each of its variants', () => {
  assert.equal(armsOf({}), ['postcopy', 'precopy']);
  assert.equal(armsOf({ engines: 'postcopy,qemu-direct', compression: 'auto,off' }), [
    ...['postcopy:compression-auto', 'postcopy:compression-off', 'qemu-direct'],
  ]);
});

test('what would be dropped silently or counted twice is refused', () => {
  assert.throws(() => armsOf({ engines: 'precopy', order: 'hot' }), /of postcopy alone/);
  assert.throws(() => armsOf({ engines: 'warm,qemu-postcopy', compression: 'off' }), /of postcopy alone/);
  assert.throws(() => armsOf({ engines: 'postcopy,postcopy' }), /postcopy is there twice/);
  assert.throws(() => armsOf({ order: 'hot,hot' }), /hot is there twice/);
  assert.throws(() => armsOf({ engines: '' }), /there is no empty word/);
});

const run = (switchMs: number, part: Partial<Run> = {}) =>
  ({
    ...{ switchMs, packedFromBytes: 40e6, packedBytes: 10e6, guestPagesPerS: 900, guestPagesPerSAfter: 1800 },
    ...{ neighbourLostSPerGb: -1, badPages: 0, strangersShare: 0.02, ...part },
  }) as Run;

test('the table shows medians with bounds, both rates of the guest, what was packed, and a channel that is ours', () => {
  const table = handoffTable([
    { arm: 'postcopy', runs: [1, 2, 3, 4, 5, 6].map(ms => run(ms)) },
    { arm: 'qemu-postcopy', runs: [run(90), run(70, { badPages: 2 })] },
  ]);
  assert.match(table, /qemu-postcopy over Shoal's channel\n/);
  assert.match(table, /switch ms +3\.5 \(1 to 6\) +80\n/);
  assert.match(table, /pages\/s on source +900 .*\npages\/s on target +1800 /);
  assert.match(table, /packed MB +40 .*\npacked to MB +10 /);
  assert.match(table, /neighbour lost s\/GB +- +-\n/);
  assert.match(table, /bad pages +0 +2\n/);
});

test('a figure that one run did not measure is the median of the others', () => {
  const found = summary('postcopy', [run(1, { cpuS: -1 }), run(3, { cpuS: 4 })], ['switchMs', 'cpuS']);
  assert.equal([found.switchMs, found.cpuS, found.runs], [2, 4, 2]);
  assert.equal(found.spread.switchMs, { min: 1, max: 3, low: -1, high: -1 });
});

test.run();
