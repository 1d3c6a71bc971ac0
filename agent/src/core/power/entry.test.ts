import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AsleepEntry, asleepEntry, entryValue, sleepingView } from './entry.ts';

const ENTRY: AsleepEntry = {
  ...{ name: 'node2', incarnation: 4, bootId: 'b', atMs: 1, cores: 2 },
  ...{ memoryMib: 4096, memoryFreeMib: 4000, policyHash: 'p' },
};

test('an entry is read as it was written, and what a newer version adds is passed over', () => {
  assert.equal(asleepEntry(entryValue(ENTRY)), ENTRY);
  assert.equal(asleepEntry(JSON.stringify({ ...ENTRY, more: 1 })), ENTRY);
});

test('what is no entry makes no node asleep', () => {
  const bad = ['', 'x', '[]', 'null', '{}', JSON.stringify({ ...ENTRY, incarnation: -1 })];
  bad.push(JSON.stringify({ ...ENTRY, cores: 0 }), JSON.stringify({ ...ENTRY, name: 'n'.repeat(65) }));
  bad.push(JSON.stringify({ ...ENTRY, memoryMib: 1.5 }));
  for (const value of bad) assert.is(asleepEntry(value), undefined, value);
});

test('the rule sees a node that sleeps as room without load', () => {
  const { state, cores, memoryFreeMib, cpuPermille, vms } = sleepingView('id', ENTRY, 'asleep');
  assert.equal(
    { state, cores, memoryFreeMib, cpuPermille, vms },
    {
      ...{ state: 'asleep', cores: 2, memoryFreeMib: 4000, cpuPermille: 0, vms: [] },
    },
  );
});

test.run();
