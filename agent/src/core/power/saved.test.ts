import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sleptOf, withSleep } from './saved.ts';

const WATTS = { busy: 80, idle: 30, asleep: 3 };

test('an hour asleep saves what the machine draws idle less what it draws asleep', () => {
  const twice = withSleep(withSleep('', 3600, WATTS), 1800, WATTS);
  assert.equal(sleptOf(twice), { sleeps: 2, seconds: 5400, wattHours: 40.5 });
});

test('where the watts are not known only time is counted', () => {
  assert.equal(sleptOf(withSleep('', 60, { busy: 0, idle: 0, asleep: 0 })), {
    sleeps: 1,
    seconds: 60,
    wattHours: 0,
  });
});

test('what cannot be read counts for nothing', () => {
  for (const value of ['', 'x', '{}', '{"sleeps":-1,"seconds":1,"wattHours":1}'])
    assert.equal(sleptOf(value), { sleeps: 0, seconds: 0, wattHours: 0 }, value);
});

test.run();
