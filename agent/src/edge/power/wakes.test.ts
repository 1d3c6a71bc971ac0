import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../../errors.ts';
import type { Logger } from '../log.ts';
import type { WakeMethod } from './types.ts';
import { Wakes } from './wakes.ts';

/** Time that passes when the test says so. */
function made(methods: WakeMethod[]) {
  let nowMs = 0;
  const timers: { atMs: number; run: () => void }[] = [];
  const lines: string[] = [];
  const log = (fields: object, message: string) => void lines.push(`${JSON.stringify(fields)} ${message}`);
  const clock = {
    nowMs: () => nowMs,
    wallMs: () => 0,
    after(ms: number, run: () => void) {
      const timer = { atMs: nowMs + ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer) >>> 0, 1);
    },
  };
  const settle = () => new Promise<void>(resolve => setImmediate(resolve));
  const wakes = new Wakes({
    methods: () => methods,
    clock,
    log: { info: log, warn: log } as unknown as Logger,
  });
  const pass = async (ms: number) => {
    for (const end = nowMs + ms; nowMs < end; nowMs += 100) {
      for (const timer of timers.filter(t => t.atMs <= nowMs)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.run();
      }
      await settle();
    }
  };
  return { wakes, pass, lines };
}

const method = (name: WakeMethod['name'], wake: WakeMethod['wake'], tries: string[]): WakeMethod => ({
  name,
  wake(signal, taken) {
    tries.push(name);
    return wake(signal, taken);
  },
});
const hangs: WakeMethod['wake'] = signal =>
  new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new ShoalError('SHOAL_WAKE_LATE', 'late', '', ''))),
  );
const fails = (code: string) => async (): Promise<string> => {
  throw new ShoalError(code, 'no', 'node2', '');
};

test('a method that hangs has its time, then the next has its own, then the first again', async () => {
  const tries: string[] = [];
  const { wakes, pass } = made([method('amt', hangs, tries), method('wol', async () => 'sent', tries)]);
  wakes.begin('b', 'node2');
  await pass(15_000);
  assert.equal(tries, ['amt']);
  await pass(10_000);
  assert.equal(tries, ['amt', 'wol']);
  await pass(20_000);
  assert.equal(tries, ['amt', 'wol', 'amt']);
  wakes.stop();
});

test('one that did its part is given time: the next is not asked while the node may be on its way', async () => {
  const tries: string[] = [];
  const { wakes, pass } = made([
    method(
      'amt',
      async (_signal, taken) => {
        taken();
        return 'state 2';
      },
      tries,
    ),
    method('wol', async () => 'sent', tries),
  ]);
  wakes.begin('b', 'node2');
  await pass(19_000);
  assert.equal(tries, ['amt']);
  assert.is(wakes.of('b')?.method, 'amt');
  await pass(2000);
  assert.equal(tries, ['amt', 'wol']);
  wakes.stop();
});

test('a password that was refused is not tried again in the whole call; what may pass is', async () => {
  const tries: string[] = [];
  const { wakes, pass, lines } = made([
    method('amt', fails('SHOAL_AMT_PASSWORD'), tries),
    method('wol', fails('SHOAL_WAKE_WOL'), tries),
  ]);
  wakes.begin('b', 'node2');
  await pass(3500);
  assert.equal(tries.filter(name => name === 'amt').length, 1);
  assert.ok(tries.filter(name => name === 'wol').length > 1);
  assert.ok(lines.some(line => line.includes('SHOAL_AMT_PASSWORD')));
  wakes.stop();
});

test('when the node has said something nobody is called any more', async () => {
  const tries: string[] = [];
  const { wakes, pass } = made([method('command', fails('SHOAL_WAKE_COMMAND'), tries)]);
  wakes.begin('b', 'node2');
  await pass(1000);
  wakes.end('b');
  const before = tries.length;
  await pass(10_000);
  assert.is(tries.length, before);
  assert.is(wakes.of('b'), undefined);
});

test('a node that nobody knows how to wake is told of', async () => {
  const { wakes, pass, lines } = made([]);
  wakes.begin('b', 'node2');
  await pass(100);
  assert.ok(lines.some(line => line.includes('no way to wake')));
});

test.run();
