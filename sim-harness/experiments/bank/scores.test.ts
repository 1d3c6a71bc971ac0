import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { percentileMs, perSecond, type Response, scoreOf, verdictOf } from './scores.ts';

const asked = (ms: number, more: Partial<Response> = {}): Response => ({
  ...{ atMs: 0, vm: 'vm1', page: 'login', ms, status: 200 },
  ...more,
});

test('an answer is good within 2 s, tolerable within 4 s, and failed after that', () => {
  assert.equal(
    [0, 2000, 2001, 4000, 4001].map(ms => verdictOf(asked(ms))),
    ['good', 'good', 'tolerable', 'tolerable', 'failed'],
  );
});

test('a fast answer that is none has failed', () => {
  for (const status of [0, 302, 403, 502]) assert.is(verdictOf(asked(3, { status })), 'failed');
});

test('a score counts what was asked of one VM from time 0 on', () => {
  const score = scoreOf(
    [
      asked(1),
      asked(1),
      asked(3000),
      asked(9000, { atMs: 5 }),
      asked(9000, { atMs: -1 }),
      asked(9000, { vm: 'vm0' }),
    ],
    'vm1',
  );
  assert.equal(score, {
    ...{ good: 2, tolerable: 1, failed: 1, all: 4 },
    ...{ goodPercent: 50, tolerablePercent: 25, failedPercent: 25 },
  });
});

test('of a VM that nobody asked no share is known', () => {
  assert.equal([scoreOf([], 'vm0').goodPercent, scoreOf([], 'vm0').all], [-1, 0]);
});

test('each second has what was asked in it, and the time within which 95 % of it came', () => {
  const fast = Array.from({ length: 19 }, () => asked(10, { atMs: 1500 }));
  const seconds = perSecond([...fast, asked(3000, { atMs: 1999 }), asked(5, { atMs: 3100 })], 'vm1', 3000);
  assert.equal(seconds, [
    { atMs: 0, good: 0, tolerable: 0, failed: 0, p95Ms: -1 },
    { atMs: 1000, good: 19, tolerable: 1, failed: 0, p95Ms: 10 },
    { atMs: 2000, good: 0, tolerable: 0, failed: 0, p95Ms: -1 },
  ]);
});

test('who got no answer at all waited longest, however fast the refusal came', () => {
  assert.is(percentileMs([asked(100), asked(1, { status: 0 })], 95), 30_000);
  assert.is(percentileMs([asked(100), asked(1, { status: 0 })], 50), 100);
});

test.run();
