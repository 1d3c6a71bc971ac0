import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLog } from './log.ts';

function lines(level: 'info' | 'warn'): { log: ReturnType<typeof createLog>; written: string[] } {
  const written: string[] = [];
  return { log: createLog({ level, node: 'n0' }, { write: line => written.push(line) }), written };
}

test('an event is one line of JSON with level, time, node, fields and sentence', () => {
  const { log, written } = lines('info');
  log.info({ vm: 'vm0', detail: 'two\nlines' }, 'VM started');
  assert.is(written.length, 1);
  assert.is(written[0]!.trimEnd().includes('\n'), false);
  const event = JSON.parse(written[0]!);
  assert.equal(
    [event.level, event.node, event.vm, event.msg, event.detail],
    ['info', 'n0', 'vm0', 'VM started', 'two\nlines'],
  );
  assert.ok(Number.isFinite(Date.parse(event.time)));
});

test('events below the level are left out', () => {
  const { log, written } = lines('warn');
  log.info({}, 'quiet');
  log.warn({}, 'loud');
  assert.is(written.length, 1);
});

test('a secret that is passed by mistake is not written', () => {
  const { log, written } = lines('info');
  log.info({ token: 'abc123', session: { privateKey: 'abc123' } }, 'peer');
  assert.is(written.join().includes('abc123'), false);
});

test.run();
