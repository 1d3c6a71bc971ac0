import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { curvePoint } from './curve-figures.ts';
import { asked, runOf } from './qemu-figures.ts';

const source = { ram: { 'postcopy-requests': 1000, 'normal-bytes': 100_000_000, transferred: 100_900_000 } };

test('what a vCPU stood for pages, over the pages that were asked for, is the mean wait', () => {
  const found = asked(source, { 'postcopy-vcpu-blocktime': [1500, 500] });
  assert.equal(found, { requests: 1000, meanUs: 2000, pageBytes: 100_000_000, wireBytes: 100_900_000 });
});

test('a QEMU that asked for nothing has no mean', () => {
  const none = asked({ ram: {} }, {});
  assert.equal(none, { requests: 0, meanUs: -1, pageBytes: 0, wireBytes: 0 });
});

test('of a move by QEMU the mean is over a round trip, and what it does not tell is not measured', () => {
  const at = { decided: 100, migrate: 400, stopped: 500, resumed: 540, transferred: 1500 };
  const run = runOf(asked(source, { 'postcopy-vcpu-blocktime': [2000] }), at);
  assert.equal(
    [run.switchMs, run.blackoutMs, run.transferMs, run.bulkMs, run.totalMs],
    [...[140, 40, 960, 1000, 1400]],
  );
  assert.is(run.cpuS, -1, 'it has no page servers');
  const guest = { guestGapMs: 40, guestWorkLost: 1, badPages: 0 };
  const point = curvePoint({ ...run, ...guest }, { rawTcpMbit: 1000, rttUs: 50 });
  assert.equal([point.meanOverUs, point.p50OverUs, point.p99OverUs], [1950, -1, -1]);
  assert.equal([point.share, point.faults, point.bulkPart], [0.8, 1000, 0.959]);
});

test.run();
