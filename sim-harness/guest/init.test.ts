import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { INIT_SCRIPT, JOB_SCRIPT, POWER_SCRIPT } from './init.ts';

test('the scripts of a guest are such as its own shell reads', () => {
  for (const script of [INIT_SCRIPT, JOB_SCRIPT, POWER_SCRIPT]) {
    const { status, stderr } = spawnSync('/bin/busybox', ['sh', '-n'], { input: script, encoding: 'utf8' });
    assert.equal([status, stderr], [0, ''], script);
  }
});

test('a guest knows each word of its kernel command line', () => {
  for (const word of ['ip', 'gateway', 'root', 'load', 'fill', 'disk', 'seed'])
    assert.match(INIT_SCRIPT, new RegExp(`shoal\\.${word}=\\*`));
});

test.run();
