import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { guestFigures, type Moments, neighbourLostS, signed, watchedUntilMs } from './guest-figures.ts';
import type { Tick } from './ticks.ts';

/** Moments of a post-copy whose guest stands 100 ms and then works at half its rate for a second. */
const at: Moments = { decided: 3000, migrate: 3010, stopped: 3020, resumed: 3120, transferred: 4120 };

/** Ticks each 5 ms of a guest that does `rate` a millisecond in spans that end one after the other. */
function ticksOf(spans: [untilMs: number, rate: number][]): Tick[] {
  const ticks: Tick[] = [];
  let [atMs, work, n] = [0, 0, 0];
  for (const [untilMs, rate] of spans) {
    for (; atMs < untilMs; atMs += 5) {
      // One that stands says nothing.
      if (rate > 0) ticks.push({ atMs, n: n++, work, bad: 0 });
      work += rate * 5;
    }
  }
  return ticks;
}
const moved = (before: number, after: number) =>
  guestFigures(
    ticksOf([
      [3020, before],
      [3120, 0],
      [4120, after / 2],
      [14_000, after],
    ]),
    at,
  );

test('a guest is held against its own rate on each side', () => {
  const found = moved(10, 10);
  assert.ok(Math.abs(found.guestWorkLost - 0.6) < 0.011, `${found.guestWorkLost}`);
  assert.ok(Math.abs(found.guestWorkLost10s - 0.5) < 0.011, `${found.guestWorkLost10s}`);
  assert.ok(found.guestGapMs >= 100 && found.guestGapMs <= 110);
});

test('a busy neighbour on the source hides nothing of what was lost on the idle target', () => {
  const found = moved(5, 10);
  assert.ok(Math.abs(found.guestWorkLost - 0.6) < 0.011, `${found.guestWorkLost}`);
  assert.equal([found.guestPagesPerS, found.guestPagesPerSAfter], [5000, 10_000]);
});

test('what goes ahead of the switch costs from the decision on', () => {
  // A second of passes in which the guest does 0.8 of its rate, then nothing is missing.
  const ahead = { decided: 3000, migrate: 4000, stopped: 4000, resumed: 4020, transferred: 4020 };
  const found = guestFigures(
    ticksOf([
      [3000, 10],
      [4000, 8],
      [4020, 0],
      [14_100, 10],
    ]),
    ahead,
  );
  assert.ok(Math.abs(found.guestWorkLost - 0.22) < 0.011, `${found.guestWorkLost}`);
  assert.ok(Math.abs(found.guestWorkLost10s) < 0.011, `${found.guestWorkLost10s}`);
});

test('a guest that is not watched for ten seconds after the switch, or does nothing, has no such figure', () => {
  const short = guestFigures(
    ticksOf([
      [3020, 10],
      [3120, 0],
      [8000, 10],
    ]),
    at,
  );
  assert.is(short.guestWorkLost10s, -1);
  assert.ok(short.guestWorkLost > 0);
  const idle = guestFigures([], at);
  assert.equal([idle.guestWorkLost, idle.guestWorkLost10s, idle.guestPagesPerS], [-1, -1, 0]);
});

test('a neighbour is held against its rate beside the guest until that is stopped, then against what it does alone', () => {
  // Of passes that go ahead it pays a second at 3 of 5, of the transfer a second at 6 of 10.
  const ahead = { decided: 3000, migrate: 4000, stopped: 4000, resumed: 4020, transferred: 5000 };
  const lost = neighbourLostS(
    ticksOf([
      [3000, 5],
      [4000, 3],
      [5000, 6],
      [9000, 10],
    ]),
    ahead,
  );
  assert.ok(Math.abs((lost ?? -1) - 0.8) < 0.011, `${lost}`);
  assert.is(neighbourLostS([], ahead), undefined, 'there is none');
});

test('a guest is watched until its rate on the target is known, and at least as long as is asked', () => {
  assert.is(watchedUntilMs(at, 0), 7120);
  assert.is(watchedUntilMs(at, 10_000), 13_120);
  assert.is(watchedUntilMs({ ...at, transferred: 20_000 }, 10_000), 23_000);
});

test('a loss of less than nothing is told from one that is not known', () => {
  assert.equal([signed(-0.0304), signed(undefined), signed(-1.0001)], [-0.03, -1, -1.001]);
});

test.run();
