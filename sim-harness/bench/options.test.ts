import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { choices, fits, link, number, windowName, windows } from './options.ts';

const refused = { code: 'SHOAL_BENCH_ARGS' };

test('windows are named in whole pages, and auto is the one that adapts', () => {
  assert.equal(windows('--windows', '4k,32k,1m,64m,auto'), [4096, 32_768, 1_048_576, 67_108_864, 0]);
  assert.equal([0, 32_768, 1_048_576].map(windowName), ['auto', '32k', '1m']);
  for (const wrong of ['', '32', '2k', '6k', '65m', '1g', '32K', '-4k', '32k,,1m', 'auto,auto', '1m,1024k'])
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
  assert.throws(() => choices('--classes', 'htb,fifo,htb', ['fifo', 'htb']), /htb is there twice/);
});

test('a link is a rate in bits or none, and bytes a second are not taken for bits', () => {
  for (const fine of ['none', '1gbit', '200mbit', '2.5gbit', '800kbit'])
    assert.is(link('--link', fine), fine);
  for (const wrong of ['', '100mbps', '1Gbit', '100', 'gbit', '0mbit', '-1gbit', '1gbit ', 'None'])
    assert.throws(() => link('--link', wrong), /no rate of a link/, wrong);
  assert.throws(() => link('--link', 'none', false), /none is no rate/);
});

test('more than a guest has is refused before anything is brought up', () => {
  fits(700, 700);
  assert.throws(() => fits(701, 700), /701 MiB do not fit in a guest of 700 MiB/);
});

test('a number is whole and in digits', () => {
  assert.equal([number('--runs', '1', 9), number('--runs', '0', 9, 0)], [1, 0]);
  for (const wrong of ['', '0', '10', '1e0', '0x1', '1.5', '-1', ' 1'])
    assert.throws(() => number('--runs', wrong, 9), /no whole number from 1 to 9/, wrong);
});

test.run();
