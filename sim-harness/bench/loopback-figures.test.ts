import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Run } from './figures-table.ts';
import { loopbackPair, loopbackRow, loopbackTable } from './loopback-figures.ts';

const made = { from: 'node1', to: 'node0', strangersShare: 0.01, strangersCores: [0, 0.02] };
const move = {
  // From the stop on, not from where the guest runs again.
  ...{ dataBytes: 1e9, transferMs: 900, bulkMs: 1000, wireBytes: 1.004e9, cpuS: 1.5, badPages: 0, ...made },
} as Partial<Run> as Run;

test('a pair holds the pages of a move against the raw TCP before it', () => {
  assert.equal(loopbackPair(move, 20_000), {
    ...{ rawTcpMbit: 20_000, goodputMbit: 8000, ratio: 0.4 },
    ...{ cpuSPerGb: 1.5, wireOverData: 1.004, badPages: 0 },
    ...made,
  });
});

test('a row is the median of its pairs, with bounds from six on, and says whether it is enough', () => {
  const pairs = [10, 20, 16, 16, 16, 20].map(thousands => loopbackPair(move, thousands * 1000));
  const row = loopbackRow(0, pairs);
  assert.equal([row.low, row.high], [0.4, 0.8]);
  assert.match(loopbackTable([row]), /auto +6 +0\.5 +0\.4 to 0\.8 .* reached\n/);
  const few = loopbackRow(65_536, pairs.slice(1, 2));
  assert.match(loopbackTable([few]), /64k +1 +0\.4 +too few .* missed\n/);
  assert.match(loopbackTable([loopbackRow(0, [])]), /auto +0 +- .* not measured\n/);
});

test.run();
