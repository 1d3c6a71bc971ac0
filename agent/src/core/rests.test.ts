import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rests } from './rests.ts';

test('a VM that three targets refused rests for one cooldown, then may be offered again', () => {
  const rests = new Rests(() => 10_000);
  rests.refused('v', 0);
  rests.refused('v', 1000);
  assert.is(rests.leftMs('v', 1000), 0);
  rests.refused('v', 2000);
  assert.is(rests.leftMs('v', 2000), 10_000);
  assert.is(rests.leftMs('v', 12_000), 0);
});

test('an accepted offer forgets earlier refusals', () => {
  const rests = new Rests(() => 10_000);
  rests.refused('v', 0);
  rests.refused('v', 0);
  rests.accepted('v');
  rests.refused('v', 0);
  assert.is(rests.leftMs('v', 0), 0);
});

test('two refusals of long ago and one of today are not three', () => {
  const rests = new Rests(() => 10_000);
  rests.refused('v', 0);
  rests.refused('v', 1000);
  rests.refused('v', 31_001);
  assert.is(rests.leftMs('v', 31_001), 0);
  rests.refused('v', 40_000);
  rests.refused('v', 50_000);
  assert.is(rests.leftMs('v', 50_000), 10_000);
});

test('one VM’s refusals are not another’s', () => {
  const rests = new Rests(() => 10_000);
  for (const vm of ['v', 'w', 'x']) rests.refused(vm, 0);
  for (const vm of ['v', 'w', 'x']) assert.is(rests.leftMs(vm, 0), 0);
});

test.run();
