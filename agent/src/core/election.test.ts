import type { LoadReport } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { staysElected } from './election.ts';

const report = (more: object = {}) =>
  ({
    windowFull: true,
    cpuPermille: 299,
    cordoned: false,
    vms: [{ state: 'running' }],
    ...more,
  }) as LoadReport;

test('a node that packing chose stays chosen while it is idle', () => {
  assert.is(staysElected(true, report(), 300), true);
  assert.is(staysElected(false, report(), 300), false);
});

test('it stays chosen while the move’s own load stands in its window', () => {
  assert.is(staysElected(true, report({ windowFull: false, cpuPermille: 900 }), 300), true);
});

for (const [what, more] of [
  ['busy', { cpuPermille: 300 }],
  ['cordoned', { cordoned: true }],
  ['left without VMs', { vms: [] }],
  ['left with a crashed VM only', { vms: [{ state: 'crashed' }] }],
] as const) {
  test(`a node that is ${what} is chosen no longer`, () => {
    assert.is(staysElected(true, report(more), 300), false);
  });
}

test.run();
