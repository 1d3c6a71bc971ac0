import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { watchInWindows } from './others.ts';

const WINDOW_MS = 100;

/** Tells the time since it began as the share of others. */
const spans: number[] = [];
const watch = () => {
  const beganMs = performance.now();
  return () => {
    const share = performance.now() - beganMs;
    spans.push(share);
    return { share, cores: [] };
  };
};

test('a rest of a window that is too short to say anything counts with the window before it', async () => {
  const watched = watchInWindows(watch, WINDOW_MS);
  await sleep(WINDOW_MS + 10);
  const { share } = watched.stop();
  assert.ok(
    spans.every(span => span >= WINDOW_MS / 2),
    String(spans),
  );
  assert.ok(share >= WINDOW_MS - 1);
});

test('a cell that is shorter than a window is judged all the same', async () => {
  const watched = watchInWindows(watch, 60_000);
  await sleep(20);
  assert.ok(watched.stop().share >= 19);
});

test.run();
