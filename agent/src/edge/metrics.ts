/** The metrics of this agent: a registry filled from the table, and four typed verbs. A wrong name or label does not compile. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../version.ts';
import { EventLoopLag } from './event-loop-lag.ts';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type Labels,
  METRICS,
  type MetricName,
  type TallyName,
} from './metrics-table.ts';
import { Tally } from './metrics-tally.ts';

export interface Metrics {
  count<N extends CounterName>(name: N, labels: Labels<N>, by?: number): void;
  /** For counters that are kept elsewhere: raises it to `value`; when `value` fell, its source began anew at 0. */
  total<N extends CounterName>(name: N, labels: Labels<N>, value: number): void;
  set<N extends GaugeName>(name: N, labels: Labels<N>, value: number): void;
  observe<N extends HistogramName>(name: N, labels: Labels<N>, value: number): void;
  /** See `Tally.add`. */
  tally(name: TallyName, buckets: readonly number[], sum: number): void;
  /** Takes all values of a labelled gauge away, to set those that still hold. */
  clear(name: GaugeName): void;
  /** The VMs of this node by name: the series of all others end. */
  keepVms(names: readonly string[]): void;
  /** Text exposition format, for `GET /metrics`. */
  text(): Promise<string>;
  readonly contentType: string;
  stop(): void;
}

const VM_METRICS = (Object.keys(METRICS) as MetricName[]).filter(name =>
  (METRICS[name].labels as readonly string[]).includes('vm'),
);

export function createMetrics(): Metrics {
  const registry = new Registry();
  const made = new Map<MetricName, Counter | Gauge | Histogram | Tally>();
  for (const [name, { kind, help, labels, ...rest }] of Object.entries(METRICS)) {
    if (kind === 'tally') {
      const tally = new Tally(name, help, (rest as { buckets: number[] }).buckets);
      // All that a registry wants of a metric is its name and what it gets.
      registry.registerMetric(tally as unknown as Histogram);
      made.set(name as MetricName, tally);
      continue;
    }
    const options = { name, help, labelNames: [...labels], registers: [registry], ...rest };
    const Kind = { counter: Counter, gauge: Gauge, histogram: Histogram }[kind];
    made.set(name as MetricName, new Kind(options as never));
  }
  const get = <M>(name: MetricName) => made.get(name) as M;
  const seen = new Map<string, number>();
  let kept: readonly string[] = [];
  const lag = new EventLoopLag();

  const metrics: Metrics = {
    count: (name, labels, by = 1) => get<Counter>(name).inc(labels, by),
    total(name, labels, value) {
      const key = `${name}${JSON.stringify(labels)}`;
      const last = seen.get(key) ?? 0;
      get<Counter>(name).inc(labels, value >= last ? value - last : value);
      seen.set(key, value);
    },
    set: (name, labels, value) => get<Gauge>(name).set(labels, value),
    observe: (name, labels, value) => get<Histogram>(name).observe(labels, value),
    tally: (name, buckets, sum) => get<Tally>(name).add(buckets, sum),
    clear: name => get<Gauge>(name).reset(),
    keepVms(names) {
      for (const vm of kept) {
        if (names.includes(vm)) continue;
        for (const name of VM_METRICS) {
          get<Gauge>(name).remove({ vm });
          seen.delete(`${name}${JSON.stringify({ vm })}`);
        }
      }
      kept = names;
    },
    async text() {
      const { user, system } = process.cpuUsage();
      metrics.total('process_cpu_seconds_total', {}, (user + system) / 1e6);
      metrics.set('process_resident_memory_bytes', {}, process.memoryUsage.rss());
      metrics.set('shoal_event_loop_lag_seconds', {}, lag.worstSeconds());
      return registry.metrics();
    },
    contentType: registry.contentType,
    stop: () => lag.stop(),
  };
  metrics.set('shoal_build_info', { version: VERSION, node_version: process.version }, 1);
  metrics.set('process_start_time_seconds', {}, Math.round(Date.now() / 1000 - process.uptime()));
  return metrics;
}
