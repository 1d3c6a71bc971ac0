import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Window } from './window.ts';

const feed = (values: number[], fromMs = 1000) => {
  const window = new Window(['cpu'], 10_000, fromMs - 1000);
  values.forEach((cpu, i) => {
    window.push({ atMs: fromMs + i * 1000, spanMs: 1000, values: { cpu } });
  });
  return window;
};

test('a node that was half busy for ten seconds shows the mean of those ten seconds only', () => {
  const window = feed([1000, 1000, 1000, ...Array.from({ length: 10 }, () => 500)]);
  assert.is(window.means().cpu, 500);
});

test('a step from 75 % to 100 % passes 90 % after six seconds', () => {
  const passes = [1, 2, 3, 4, 5, 6, 7].find(
    n =>
      feed([...Array.from({ length: 10 }, () => 750), ...Array.from({ length: n }, () => 1000)]).means()
        .cpu >= 900,
  );
  assert.is(passes, 6);
});

test('a late sample counts for the time it covers', () => {
  const window = new Window(['cpu'], 10_000, 0);
  window.push({ atMs: 1000, spanMs: 1000, values: { cpu: 0 } });
  window.push({ atMs: 4000, spanMs: 3000, values: { cpu: 1000 } });
  assert.is(window.means().cpu, 750);
  assert.is(window.latest('cpu'), 1000);
});

test('after a stall of half a minute the means are of the last ten seconds, not of the stall', () => {
  const window = new Window(['cpu'], 10_000, 0);
  window.push({ atMs: 1000, spanMs: 1000, values: { cpu: 0 } });
  window.push({ atMs: 31_000, spanMs: 30_000, values: { cpu: 1000 } });
  assert.is(window.means().cpu, 1000);
  for (let atMs = 32_000; atMs <= 40_000; atMs += 1000)
    window.push({ atMs, spanMs: 1000, values: { cpu: 0 } });
  assert.is(window.means().cpu, 100);
});

test('samples that come early or late by a little weigh what they cover of the window', () => {
  const window = new Window(['cpu'], 2000, 0);
  window.push({ atMs: 1000, spanMs: 1000, values: { cpu: 1000 } });
  window.push({ atMs: 1900, spanMs: 900, values: { cpu: 0 } });
  window.push({ atMs: 2500, spanMs: 600, values: { cpu: 0 } });
  assert.is(window.means().cpu, 250);
});

test('a window is full only when a whole window has passed since the last move touched the node', () => {
  const window = feed([1]);
  assert.not.ok(window.full(9_999));
  assert.ok(window.full(10_000));
  window.disturb(12_000);
  assert.not.ok(window.full(21_999));
  assert.ok(window.full(22_000));
});

test('an empty window means zero, and samples out of order are a programmer error', () => {
  const window = new Window(['cpu'], 10_000, 0);
  assert.is(window.means().cpu, 0);
  assert.is(window.latest('cpu'), 0);
  window.push({ atMs: 2000, spanMs: 1000, values: { cpu: 1 } });
  assert.throws(() => window.push({ atMs: 1000, spanMs: 1000, values: { cpu: 1 } }), /in order/);
});

test.run();
