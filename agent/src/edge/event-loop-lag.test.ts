import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EventLoopLag } from './event-loop-lag.ts';

/** Nothing else runs for so long. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('a delay of the event loop is told to each of two scrapers, and again', async () => {
  const lag = new EventLoopLag();
  try {
    await sleep(250);
    block(600);
    await sleep(250);
    for (const scraper of ['one', 'other', 'one'])
      assert.ok(lag.worstSeconds() > 0.3, `${scraper} sees ${lag.worstSeconds()} s`);
  } finally {
    lag.stop();
  }
});

test('a delay is told for a window after its own, and then it is past', async () => {
  const lag = new EventLoopLag(1000);
  try {
    await sleep(250);
    block(600);
    await sleep(1000);
    assert.ok(lag.worstSeconds() > 0.3, `told still: ${lag.worstSeconds()} s`);
    await sleep(2100);
    assert.ok(lag.worstSeconds() < 0.3, `past: ${lag.worstSeconds()} s`);
  } finally {
    lag.stop();
  }
});

test.run();
