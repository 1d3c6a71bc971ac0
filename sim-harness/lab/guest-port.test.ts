import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGlance } from './guest-port.ts';

const BOOT = 'boot=0d1f-7 load=5 touch=300 hot=all filled=4096';

test('a guest that was asked with a number says by it which question it answers', () => {
  const line = `ok status ask=12 ${BOOT} work=70 bad=1 verifying=false ticks=0 disk:/dev/vda=9`;
  assert.equal(parseGlance(line, '/run/n0'), {
    ask: 12,
    runDir: '/run/n0',
    boot: '0d1f-7',
    work: 70,
    bad: 1,
  });
});

test('what a guest says to others, or only the half of, is no answer in passing', () => {
  for (const line of [
    `ok status ${BOOT} work=70 bad=1 verifying=false ticks=0`,
    `ok status ask=12 ${BOOT} work=70 bad=1 verifying=false tick`,
    `ok status ask=12 ${BOOT} work=7`,
    `s ask=12 ${BOOT} work=70 bad=1 verifying=false ticks=0`,
    'ok load 5',
    't 3 70 1',
  ])
    assert.is(parseGlance(line, ''), undefined, line);
});

test.run();
