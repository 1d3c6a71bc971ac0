import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decayed, LEVEL_MAX, onArrival, RETURN_SPAN_MS } from './backoff.ts';
import { afterCrash, CRASH_SPAN_MS, CRASHES_MAX } from './crash-policy.ts';

const none = { level: 0, untilMs: 0 };

test('a VM that comes to a node it never left has no backoff', () => {
  assert.equal(onArrival(none, undefined, 10_000, 5000), none);
});

test('a VM that comes back again and again waits twice as long each time, up to a bound', () => {
  let backoff = none;
  const waits = [];
  for (let i = 0, nowMs = 100_000; i < 8; i++) {
    backoff = onArrival(backoff, nowMs - 1000, 10_000, nowMs);
    waits.push(backoff.untilMs - nowMs);
    nowMs = backoff.untilMs;
  }
  assert.equal(waits.slice(0, 3), [20_000, 40_000, 80_000]);
  assert.is(backoff.level, LEVEL_MAX);
});

test('a return after ten minutes is no ping-pong', () => {
  assert.is(onArrival(none, 0, 10_000, RETURN_SPAN_MS).level, 0);
});

test('quiet undoes a backoff level by level', () => {
  const backoff = { level: 2, untilMs: 0 };
  assert.is(decayed(backoff, 10_000, RETURN_SPAN_MS - 1), 2);
  assert.is(decayed(backoff, 10_000, RETURN_SPAN_MS), 1);
  assert.is(decayed(backoff, 10_000, 2 * RETURN_SPAN_MS), 0);
});

test('a load that flaps slower than the backoff lasts makes it grow all the same', () => {
  let backoff = none;
  for (let i = 1; i <= 4; i++) {
    const nowMs = i * 88_000;
    backoff = onArrival(backoff, nowMs - 44_000, 10_000, nowMs);
    assert.is(backoff.level, i, `return ${i}`);
  }
});

test('a VM that crashes is restarted, but not for ever, and not when its spec says leave', () => {
  let crashes: number[] = [];
  const actions = [];
  const waits: number[] = [];
  for (let i = 0; i <= CRASHES_MAX; i++) {
    const after = afterCrash('restart', crashes, 1000 * i);
    crashes = after.crashesAtMs;
    actions.push(after.action);
    waits.push(after.afterMs);
  }
  assert.equal(actions, ['restart', 'restart', 'restart', 'leave']);
  assert.equal(waits.slice(0, 3), [0, 5000, 10_000], 'at once, then later and later');
  assert.is(afterCrash('leave', [], 0).action, 'leave');
  assert.is(afterCrash('restart', crashes, CRASH_SPAN_MS + 4000).action, 'restart');
});

test.run();
