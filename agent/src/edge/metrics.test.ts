import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMetrics } from './metrics.ts';
import { metricsReference } from './metrics-reference.ts';
import { METRICS } from './metrics-table.ts';

const metrics = createMetrics();
test.after(() => metrics.stop());

const value = async (series: string): Promise<string | undefined> =>
  (await metrics.text())
    .split('\n')
    .find(line => line.startsWith(`${series} `))
    ?.slice(series.length + 1);

test('docs/metrics.md is what the table says', () => {
  assert.is(readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8'), metricsReference());
});

test('names follow the conventions of Prometheus and labels stay few', () => {
  for (const [name, { kind, labels }] of Object.entries(METRICS)) {
    assert.match(name, /^(shoal|process)_[a-z0-9_]+$/);
    assert.is(name.endsWith('_total'), kind === 'counter', name);
    for (const label of labels) assert.is(['id', 'uuid', 'handoff', 'peer'].includes(label), false, name);
  }
});

test('every metric of the table is exposed with its help', async () => {
  const text = await metrics.text();
  for (const [name, { kind, help }] of Object.entries(METRICS)) {
    assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`), name);
  }
});

test('a total that is kept elsewhere rises with it, and goes on when its source began anew', async () => {
  for (const total of [5, 8, 2]) metrics.total('shoal_mesh_sent_bytes_total', {}, total);
  assert.is(await value('shoal_mesh_sent_bytes_total'), '10');
});

test('a VM that left this node has no series any more', async () => {
  metrics.keepVms(['vm0', 'vm1']);
  for (const vm of ['vm0', 'vm1']) metrics.set('shoal_vm_cpu_ratio', { vm }, 0.5);
  metrics.total('shoal_vm_cpu_seconds_total', { vm: 'vm0' }, 7);
  assert.is(await value('shoal_vm_cpu_ratio{vm="vm0"}'), '0.5');
  metrics.keepVms(['vm1']);
  const text = await metrics.text();
  assert.equal([text.includes('vm0'), text.includes('vm1')], [false, true]);
});

test('a blackout falls into its bucket', async () => {
  metrics.observe('shoal_handoff_blackout_seconds', { engine: 'postcopy' }, 0.012);
  assert.is(await value('shoal_handoff_blackout_seconds_bucket{le="0.01",engine="postcopy"}'), '0');
  assert.is(await value('shoal_handoff_blackout_seconds_bucket{le="0.02",engine="postcopy"}'), '1');
});

test('the agent tells its own memory and what it is', async () => {
  assert.ok(Number(await value('process_resident_memory_bytes')) > 1e6);
  assert.match(await metrics.text(), /shoal_build_info\{version="\d+\.\d+\.\d+",node_version="v\d+/);
});

test.run();
