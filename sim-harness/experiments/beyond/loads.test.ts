import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wantedAt } from '../frame/demand.ts';
import { shifting } from './crowd.ts';
import { flapping } from './flap.ts';

test('a flapping load is nothing and all by turns, fifteen seconds each', () => {
  assert.equal(
    [0, 14, 15, 29, 30, 45].map(at => wantedAt(flapping(4), 'vm1', at)),
    [0, 0, 100, 100, 0, 100],
  );
  assert.is(wantedAt(flapping(4), 'vm0', 40), 20);
});

test('of eight VMs first one half is busy, then the other, and never more than two cores are wanted', () => {
  const wants = shifting(60);
  const vms = [...new Set(wants.map(want => want.vm))];
  const sums = [0, 60, 120, 180, 240].map(at => vms.reduce((sum, vm) => sum + wantedAt(wants, vm, at), 0));
  assert.equal(sums, [40, 148, 40, 148, 40]);
  assert.equal([wantedAt(wants, 'vm0', 60), wantedAt(wants, 'vm7', 60)], [32, 5]);
  assert.equal([wantedAt(wants, 'vm0', 180), wantedAt(wants, 'vm7', 180)], [5, 32]);
});

test.run();
