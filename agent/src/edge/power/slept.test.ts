import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SleptTime } from './slept.ts';

function clocks() {
  const at = { nowMs: 5000, bootMs: 9000 };
  return {
    slept: new SleptTime({ nowMs: () => at.nowMs, wallMs: () => 0 }, () => at.bootMs),
    pass(ms: number, asleepMs = 0) {
      at.nowMs += ms;
      at.bootMs += ms + asleepMs;
    },
  };
}

test('time that only the boot-time clock saw is sleep, and is told once', () => {
  const { slept, pass } = clocks();
  pass(1000);
  assert.is(slept.look(), 0);
  pass(10, 30_000);
  assert.is(slept.look(), 30_000);
  assert.is(slept.look(), 0);
});

test('a starved process has not slept, and steps of a clock are no sleep', () => {
  const { slept, pass } = clocks();
  pass(60_000);
  assert.is(slept.look(), 0);
  pass(1000, 40);
  assert.is(slept.look(), 0);
});

test('many short sleeps come to one', () => {
  const { slept, pass } = clocks();
  for (let i = 0; i < 3; i++) pass(100, 900);
  assert.is(slept.look(), 2700);
});

test.run();
