import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { choices, windowName, windows } from './options.ts';

const refused = { code: 'SHOAL_BENCH_ARGS' };

test('windows are named in whole pages, and auto is the one that adapts', () => {
  assert.equal(windows('--windows', '4k,32k,1m,64m,auto'), [4096, 32_768, 1_048_576, 67_108_864, 0]);
  assert.equal([0, 32_768, 1_048_576].map(windowName), ['auto', '32k', '1m']);
  for (const wrong of ['', '32', '2k', '6k', '65m', '1g', '32K', '-4k', '32k,,1m'])
    assert.throws(
      () => windows('--windows', wrong),
      (error: { code: string }) => error.code === refused.code,
      wrong,
    );
});

test('a list takes only what there is, and the refusal says what there is', () => {
  assert.equal(choices('--classes', 'htb,fifo', ['fifo', 'htb']), ['htb', 'fifo']);
  assert.throws(() => choices('--classes', 'fifo,sfq', ['fifo', 'htb']), /there is no sfq/);
  assert.throws(() => choices('--classes', '', ['fifo', 'htb']), /there is no empty word/);
});

test.run();
