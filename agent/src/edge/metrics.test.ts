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
    const type = kind === 'tally' ? 'histogram' : kind;
    assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
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

/** The text exposition format, as far as it is used here: https://prometheus.io/docs/instrumenting/exposition_formats/ */
const SAMPLE = /^([a-z_]+)(\{([a-z_]+="[^"\\\n]*",?)+\})? (NaN|[+-]?Inf|-?\d[\d.e+-]*)$/;

test('what is exposed is read as Prometheus reads it: each series once and under its type, histograms that add up', async () => {
  metrics.tally('shoal_fault_seconds', [1, 0, 3], 0.5);
  metrics.observe('shoal_handoff_switch_seconds', { engine: 'postcopy' }, 0.03);
  const types = new Map<string, string>();
  const series = new Map<string, number>();
  for (const line of (await metrics.text()).split('\n').filter(l => l !== '')) {
    const [, name = '', type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (type) assert.ok(!types.has(name) && types.set(name, type), `${name} has one type`);
    if (line.startsWith('#')) continue;
    const [, sample] = SAMPLE.exec(line) ?? [];
    if (sample === undefined) return assert.unreachable(`no sample: ${line}`);
    const family = types.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, '');
    assert.is(types.get(family) === 'histogram', family !== sample, line);
    const key = line.slice(0, line.lastIndexOf(' '));
    assert.ok(!series.has(key), `${key} is there once`);
    series.set(key, Number(line.slice(key.length + 1)));
  }
  for (const name of ['shoal_fault_seconds', 'shoal_handoff_switch_seconds']) {
    const buckets = [...series].filter(([key]) => key.startsWith(`${name}_bucket{le=`));
    const bounds = buckets.map(([key]) =>
      Number(/le="\+?([^"]*)"/.exec(key)?.[1]?.replace('Inf', 'Infinity')),
    );
    assert.ok(bounds.length > 2 && bounds.every((le, i) => i === 0 || le > bounds[i - 1]!), 'bounds rise');
    const counts = buckets.map(([, count]) => count);
    assert.ok(
      counts.every((count, i) => i === 0 || count >= counts[i - 1]!),
      'and hold what is below',
    );
    const [[, count] = []] = [...series].filter(([key]) => key.startsWith(`${name}_count`));
    assert.equal([bounds.at(-1), counts.at(-1)], [Number.POSITIVE_INFINITY, count]);
  }
});

test('the agent tells its own memory and what it is', async () => {
  assert.ok(Number(await value('process_resident_memory_bytes')) > 1e6);
  assert.match(await metrics.text(), /shoal_build_info\{version="\d+\.\d+\.\d+",node_version="v\d+/);
});

test.run();
