/** What tests of whole labs hold the figures of a move to: that they add up, and are what the metrics say. */
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';
import * as assert from 'uvu/assert';
import type { LabNode } from '../lab/index.ts';

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** Of one side of a post-copy that is done. */
export function assertAddsUp({
  role,
  wireBytes,
  bytes,
  dataBytes,
  dataPages,
  faults,
  blocked,
  ...h
}: HandoffStatus) {
  const { urgent, bulk, state, control } = bytes;
  assert.is(urgent + bulk + state + control, wireBytes, 'all classes together are the wire');
  assert.ok(
    control > 0 && state > 0 && urgent + bulk - h.packedBytes + h.packedFromBytes >= dataBytes,
    'each is there',
  );
  assert.equal([h.residualPages, h.residualBytes, h.secondsLeft], [0, 0, 0], 'nothing is left');
  assert.ok(dataPages > 0 && h.linkLostMs === -1 && h.bytesPerSecond === 0);
  if (role === 'source') return assert.is(faults.count, -1, 'who waited is not seen at the source');
  assert.is(sum(faults.buckets), faults.count, 'each fault is in one bucket');
  assert.ok(faults.p50Us <= faults.p99Us && faults.p99Us <= faults.maxUs && faults.maxUs <= faults.sumUs);
  if (faults.count > 0) assert.ok(blocked.length > 0, 'somebody waited for it');
  assert.ok(sum(blocked.map(row => row.faults)) >= faults.count, 'at least one thread for each');
  assert.ok(sum(blocked.map(row => row.us)) >= faults.sumUs * 0.99, 'for as long as it took');
}

/** Totals since the agent of that node started are those of these moves, all of which ended there. */
export async function assertCounted(node: LabNode, moves: readonly HandoffStatus[]): Promise<void> {
  const text = await (await fetch(`${node.http}/metrics`)).text();
  const total = (name: string, label = ''): number => {
    const lines = text.split('\n').filter(line => line.startsWith(name) && line.includes(label));
    return sum(lines.map(line => Number(line.split(' ').at(-1))));
  };
  const here = moves.filter(move => move.role === 'target');
  assert.is(total('shoal_fault_seconds_count '), sum(here.map(move => Math.max(0, move.faults.count))));
  assert.is(total('shoal_fault_seconds_bucket{le="+Inf"}'), total('shoal_fault_seconds_count '));
  for (const of of ['urgent', 'bulk', 'state'] as const)
    assert.is(
      total('shoal_handoff_bytes_total{', `class="${of}"`),
      sum(moves.map(move => Math.max(0, move.bytes[of]))),
      `${of} bytes on ${node.name}`,
    );
}
