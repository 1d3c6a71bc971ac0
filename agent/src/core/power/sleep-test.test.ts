import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isTrusted, judgeTest, sleepTest } from './sleep-test.ts';

const BEGUN = { incarnation: 4, driver: 'systemd', hardware: 'uuid-1', alarmS: 300 };
const woken = (incarnation: number) => ({
  ...{ node: 'x', incarnation, seconds: 3.5, method: 'amt', atMs: 1, by: 'node0' },
});

test('a node that a peer woke has passed, with what it took', () => {
  const result = judgeTest(BEGUN, 20, woken(4), false, 7);
  assert.equal(
    [result?.passed, result?.wakeSeconds, result?.by, result?.method],
    [true, 3.5, 'node0', 'amt'],
  );
});

test('one that its own alarm woke has not, and one that woke by itself has not', () => {
  assert.match(judgeTest(BEGUN, 299, woken(4), false, 7)?.why ?? '', 'its own alarm');
  assert.match(judgeTest(BEGUN, 20, undefined, true, 7)?.why ?? '', 'by itself');
  assert.match(judgeTest(BEGUN, 20, woken(3), true, 7)?.why ?? '', 'by itself');
});

test('as long as a peer may say something it is not judged', () => {
  assert.is(judgeTest(BEGUN, 20, undefined, false, 7), undefined);
});

test('a test counts on the machine and with the driver that it was made with', () => {
  const value = JSON.stringify(judgeTest(BEGUN, 20, woken(4), false, 7));
  assert.is(isTrusted(value, 'systemd', 'uuid-1'), true);
  assert.is(isTrusted(value, 'command', 'uuid-1'), false);
  assert.is(isTrusted(value, 'systemd', 'uuid-2'), false);
  assert.is(isTrusted(JSON.stringify(judgeTest(BEGUN, 20, undefined, true, 7)), 'systemd', 'uuid-1'), false);
  assert.is(isTrusted('', 'systemd', 'uuid-1'), false);
  assert.is(isTrusted('', 'simulated', ''), true);
});

test('what is no test has passed nothing', () => {
  for (const value of ['', 'x', '{}', '[]', 'null', '{"passed":true}'])
    assert.is(sleepTest(value), undefined, value);
});

test.run();
