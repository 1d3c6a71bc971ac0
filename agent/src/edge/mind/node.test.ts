import { decodeLoadReport, encodeLoadReport, type HandoffLoad, type LoadReport } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ClusterView } from '../../core/view.ts';
import { clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Mesh } from '../mesh/types.ts';
import { createMetrics } from '../metrics.ts';
import type { Sampler } from '../sampler/sampler.ts';
import { Node, type NodeDeps } from './node.ts';

const A = '12D3KooWA2qHLGAzuxTkzXfLpHFyVZ4VLjUSw9CV3pNN1vHVqLyL';
const B = '12D3KooWBgZ5gLxqkUUzYvGZLLk6RjuDMRE2mYLoJwXgwn8zV2iP';
const metrics = createMetrics();
test.after(() => metrics.stop());

function world(more: Partial<NodeDeps> = {}) {
  const seen = {
    disturbed: 0,
    published: [] as LoadReport[],
    learnt: [] as string[],
    handoffs: [] as HandoffLoad[],
  };
  let nowMs = 0;
  let cpuMilli = 0;
  const figures = { cpuMilli: 0, residentMib: 0, diskReadBps: 0, diskWriteBps: 0, netRxBps: 0, netTxBps: 0 };
  const sampler = {
    async sample() {},
    disturb: () => {
      seen.disturbed += 1;
    },
    node: () => ({ mean: { ...figures, cpuMilli }, cpuNowMilli: 0, full: true }),
    vm: () => undefined,
    faults: () => [],
  } as unknown as Sampler;
  const mesh = {
    publish: async (bytes: Uint8Array) => {
      const read = decodeLoadReport(bytes);
      if (read.ok) seen.published.push(read.value);
    },
    learn: (peer: string) => seen.learnt.push(peer),
  } as unknown as Mesh;
  const quiet = () => {};
  const clusterView = new ClusterView({ self: A, staleAfterMs: 3000, overloaded: () => false });
  const spec = { vm: '6f1c3a52-0d7e-4b8a-9a53-2f4e8c1d7b90', name: 'v', memoryMib: 1, vcpus: 1, nics: [] };
  const record = {
    spec: { ...spec, migration: 'postcopy' },
    epoch: 1,
    pinnedUntilMs: 0,
    backoff: { level: 0, untilMs: 0 },
  };
  const vm = { record, vmm: undefined, state: 'running' };
  const node = new Node({
    sampler,
    vms: { list: () => [vm] } as unknown as NodeDeps['vms'],
    clusterView,
    history: { add: async () => {} } as unknown as NodeDeps['history'],
    marks: { write: async () => {} },
    mesh: () => mesh,
    decider: () => ({ tick: async () => {} }),
    power: () => ({ hasSlept: () => false, tick: quiet, heard: quiet }),
    idlePermille: 300,
    inputs: () => ({
      identity: { node: A, name: 'node0', incarnation: 1, version: '0' },
      ...{ addresses: [], http: '', mode: 'auto', policyHash: '', cordoned: false, pausedMs: 0, cores: 1 },
      ...{ cooldownMs: 10_000, memoryMib: 1, memoryFreeMib: 1, vms: [vm] as never, handoffs: seen.handoffs },
    }),
    metrics,
    clock: { ...clock, nowMs: () => nowMs, wallMs: () => 0 },
    log: { info: quiet, warn: quiet, error: quiet, debug: quiet } as unknown as Logger,
    ...more,
  });
  return {
    node,
    seen,
    clusterView,
    at(ms: number) {
      nowMs = ms;
    },
    busy(milli: number) {
      cpuMilli = milli;
    },
  };
}
const handoff = (more: Partial<HandoffLoad>): HandoffLoad => ({
  ...{ handoff: '0b0e7a3c-1111-4222-8333-444455556666', vm: '6f1c3a52-0d7e-4b8a-9a53-2f4e8c1d7b90' },
  ...{ role: 'source', peer: B, engine: 'postcopy', stage: 'switching', ageMs: 0, inDoubt: false },
  ...more,
});

test('a node’s own entry in its view is the report that it published last', async () => {
  const { node, seen, clusterView } = world();
  await node.round();
  await node.round();
  assert.equal(
    seen.published.map(r => r.seq),
    [1, 2],
  );
  assert.is(clusterView.reports(0)[0]?.report.seq, 2);
});

test('while a VM moves, its pages included, the node’s figures are not used; an offer or a doubt disturbs nothing', async () => {
  const { node, seen } = world();
  for (const [more, disturbed] of [
    [{ stage: 'offered' }, 0],
    [{ stage: 'committed', inDoubt: true }, 0],
    [{ stage: 'switching' }, 1],
    [{ stage: 'owner', role: 'target' }, 2],
  ] as const) {
    seen.handoffs.splice(0, 1, handoff(more));
    await node.round();
    assert.is(seen.disturbed, disturbed, JSON.stringify(more));
  }
});

test('a relocation is timed from its first row on; a manual move is none', async () => {
  const { node, seen, at } = world();
  node.takes({ reason: 'manual', relocation: '' });
  await node.publish();
  at(1000);
  node.relocated('00000000000000aa');
  at(1500);
  node.relocated('00000000000000aa');
  at(3000);
  await node.publish();
  assert.equal(
    seen.published.map(r => [r.sinceRelocationMs, r.relocation]),
    [
      [-1, ''],
      [2000, '00000000000000aa'],
    ],
  );
});

test('a node that took a VM to pack another node away says that it is elected, until it is busy', async () => {
  const { node, seen, busy } = world();
  node.takes({ reason: 'overload', relocation: '00000000000000aa' });
  await node.publish();
  node.takes({ reason: 'consolidate', relocation: '00000000000000bb' });
  await node.publish();
  busy(300);
  await node.publish();
  busy(0);
  await node.publish();
  assert.equal(
    seen.published.map(r => r.elected),
    [false, true, false, false],
  );
});

const logInto = (lines: object[]) => {
  const quiet = () => {};
  const warn = (fields: object) => lines.push(fields);
  return { info: quiet, warn, error: quiet, debug: quiet } as unknown as Logger;
};

const theirs = async () => {
  const { node, seen } = world();
  await node.publish();
  return { ...(seen.published[0] as LoadReport), node: B };
};

test('a report is passed on only if it is well formed and its author’s own', async () => {
  const { node } = world();
  const bytes = encodeLoadReport(await theirs());
  assert.is(node.validate(B, bytes), 'accept');
  assert.is(node.validate(A, bytes), 'reject');
  assert.is(node.validate(B, bytes.subarray(1)), 'reject');
  assert.is(node.validate(B, new Uint8Array(20_000)), 'reject');
});

test('a report that is heard twice, or after a newer one, changes nothing', async () => {
  const { node, seen, clusterView } = world();
  const report = await theirs();
  for (const seq of [5, 5, 4]) node.heard(encodeLoadReport({ ...report, seq }));
  node.heard(new Uint8Array(3));
  assert.equal([clusterView.reports(0).map(r => r.report.seq), seen.learnt], [[5], [B]]);
});

test('a report that is told again later is dropped, told of in few lines, and costs who passes it on nothing', async () => {
  const lines: object[] = [];
  const { node, at } = world({ log: logInto(lines) });
  const report = await theirs();
  const old = encodeLoadReport({ ...report, seq: 4 });
  for (const seq of [4, 5]) node.heard(encodeLoadReport({ ...report, seq }));
  at(10_001);
  node.heard(encodeLoadReport({ ...report, seq: 6 }));
  for (let i = 0; i < 100; i++) assert.is(node.validate(B, old), 'ignore');
  assert.is(lines.length, 5);
  assert.is((lines[0] as { reason: string }).reason, 'replay');
  assert.is(node.validate(B, encodeLoadReport({ ...report, seq: 7 })), 'accept');
});

test('a flood of well-formed reports is rejected, and its author is heard again when it ends', async () => {
  const lines: object[] = [];
  const { node, at } = world({ log: logInto(lines) });
  const report = await theirs();
  const verdicts = Array.from({ length: 1000 }, (_, i) =>
    node.validate(B, encodeLoadReport({ ...report, seq: 10 + i })),
  );
  assert.is(verdicts.filter(v => v === 'accept').length, 256);
  assert.is(verdicts.at(-1), 'reject');
  assert.is((lines[0] as { reason: string }).reason, 'flood');
  at(1000);
  assert.is(node.validate(B, encodeLoadReport({ ...report, seq: 2000 })), 'accept');
});

test('a node whose rounds end is well, one whose rounds hang or whose counters are gone says so', async () => {
  const { node, at } = world();
  at(14_000);
  assert.equal(node.faults(), []);
  at(16_000);
  assert.match(node.faults()[0] ?? '', /no heartbeat for 16 s/);
  await node.round();
  assert.equal(node.faults(), []);
});

test('a mesh that takes no report does not stop the node from sampling and deciding', async () => {
  let ticks = 0;
  const { node } = world({
    mesh: () => ({ publish: async () => Promise.reject(new Error('no peers')) }) as unknown as Mesh,
    decider: () => ({
      async tick() {
        ticks += 1;
      },
    }),
  });
  await node.round();
  assert.is(ticks, 1);
});

test.run();
