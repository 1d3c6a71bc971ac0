import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_FIGURES } from '../handoff/figures.ts';
import type { HandoffStatus } from '../http/api.types.ts';
import { aHandoff } from '../http/test-api.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import { FAULT_BOUNDS_US } from '../pages/types.ts';
import { Flows } from './flows.ts';

let metrics: Metrics;
let flows: Flows;
test.before.each(() => {
  metrics = createMetrics();
  flows = new Flows(metrics);
});
test.after.each(() => metrics.stop());

const samples = async (): Promise<Map<string, number>> => {
  const lines = (await metrics.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
};
const bytesOf = (of: string) => `shoal_handoff_bytes_total{engine="postcopy",role="target",class="${of}"}`;

const running = (more: Partial<HandoffStatus> = {}): HandoffStatus =>
  aHandoff({
    role: 'target',
    outcome: '',
    residualBytes: 8192,
    bytesPerSecond: 1000,
    windowBytes: -1,
    ...more,
  });
const bytes = (urgent: number, bulk: number, state = 0, control = 0) => ({ urgent, bulk, state, control });

test('the totals rise with a handoff under way, and its end adds only what came since', async () => {
  flows.running([running({ bytes: bytes(1, 100) })]);
  flows.running([running({ bytes: bytes(2, 300) })]);
  flows.ended(aHandoff({ role: 'target', bytes: bytes(2, 350) }));
  const seen = await samples();
  assert.equal([seen.get(bytesOf('urgent')), seen.get(bytesOf('bulk'))], [2, 350]);
});

test('a page server that was started again counts on from what the one before had', async () => {
  flows.running([running({ bytes: bytes(5, 100), reconnects: 1 })]);
  flows.ended(aHandoff({ role: 'target', bytes: bytes(1, 30), reconnects: 2 }));
  const seen = await samples();
  assert.equal([seen.get(bytesOf('urgent')), seen.get(bytesOf('bulk'))], [6, 130]);
  assert.is(seen.get('shoal_handoff_reconnects_total{role="target"}'), 3);
});

test('memory given back early is counted once, by its source', async () => {
  const source = { role: 'source' as const, bytes: bytes(0, 100) };
  flows.running([
    running({ ...source, releasedBytes: 4096 }),
    running({ releasedBytes: -1, handoff: 'other' }),
  ]);
  flows.ended(aHandoff({ ...source, releasedBytes: 12_288 }));
  assert.is((await samples()).get('shoal_handoff_released_bytes_total'), 12_288);
});

test('control, which falls while bytes are under way, is counted once', async () => {
  for (const control of [50, 40, 60]) flows.running([running({ bytes: bytes(1, 100, 0, control) })]);
  assert.is((await samples()).get(bytesOf('control')), 60);
});

test('each wait of a guest is in its bucket once, and the histogram adds up', async () => {
  const { faults } = aHandoff();
  const half = {
    ...faults,
    count: 12,
    sumUs: 2_000,
    buckets: faults.buckets.map((_, i) => (i === 3 ? 12 : 0)),
  };
  flows.running([running({ faults: half })]);
  flows.running([running({ faults: half })]);
  flows.ended(aHandoff({ role: 'target' }));
  flows.ended(aHandoff({ role: 'source', faults: NO_FIGURES.faults }));
  const seen = await samples();
  const buckets = [...seen].filter(([name]) => name.startsWith('shoal_fault_seconds_bucket'));
  const bounds = buckets.map(([name]) => /le="(.*)"/.exec(name)?.[1]);
  assert.equal(bounds, [...FAULT_BOUNDS_US.map(us => String(us / 1e6)), '+Inf']);
  assert.equal(seen.get('shoal_fault_seconds_bucket{le="0.00025"}'), 12);
  assert.equal(seen.get('shoal_fault_seconds_bucket{le="+Inf"}'), 812);
  assert.is(seen.get('shoal_fault_seconds_count'), 812);
  assert.ok(Math.abs((seen.get('shoal_fault_seconds_sum') ?? 0) - 0.402) < 1e-9);
});

test('how long vCPUs stood is counted apart from other threads, once, and by few names however many vCPUs there are', async () => {
  const half = [{ thread: 'CPU 0/KVM', us: 100_000, faults: 9 }];
  const all = [
    { thread: 'CPU 0/KVM', us: 310_000, faults: 640 },
    { thread: 'CPU 17/TCG', us: 90_000, faults: 2 },
    { thread: 'other vCPUs', us: 100_000, faults: 3 },
    { thread: 'worker', us: 20_000, faults: 1 },
    { thread: 'others', us: 5_000, faults: 1 },
  ];
  flows.running([running({ blocked: half })]);
  flows.running([running({ blocked: half })]);
  flows.ended(aHandoff({ role: 'target', blocked: all }));
  flows.ended(aHandoff({ role: 'source', blocked: [], handoff: 'other' }));
  const stood = [...(await samples())].filter(([name]) => name.startsWith('shoal_fault_blocked'));
  assert.equal(
    stood.map(([name, seconds]) => [name, Math.round(seconds * 1e6)]),
    [
      ['shoal_fault_blocked_seconds_total{thread="vcpu"}', 500_000],
      ['shoal_fault_blocked_seconds_total{thread="other"}', 25_000],
    ],
  );
});

test('what goes on now has a series for each handoff under way, and none after its end', async () => {
  const source = running({ role: 'source', name: 'vm2', handoff: 'other', windowBytes: 131_072 });
  flows.running([running(), source]);
  let seen = await samples();
  assert.is(seen.get('shoal_handoff_residual_bytes{vm="vm1",role="target"}'), 8192);
  assert.is(seen.get('shoal_handoff_goodput_bytes_per_second{vm="vm2",role="source"}'), 1000);
  assert.is(seen.get('shoal_handoff_window_bytes{vm="vm2",role="source"}'), 131_072);
  assert.is(seen.has('shoal_handoff_window_bytes{vm="vm1",role="target"}'), false, 'a target has none');
  flows.ended(aHandoff({ role: 'target' }));
  flows.running([source]);
  seen = await samples();
  assert.equal(
    [...seen.keys()].filter(name => name.includes('vm1')),
    [],
  );
});

test('a handoff without a page server yet counts for nothing', async () => {
  flows.running([running({ ...NO_FIGURES })]);
  flows.ended(aHandoff({ ...NO_FIGURES, outcome: 'refused' }));
  const seen = await samples();
  assert.equal(
    [...seen.keys()].filter(name => name.startsWith('shoal_handoff_bytes')),
    [],
  );
  assert.is(seen.get('shoal_fault_seconds_count'), 0);
});

test.run();
