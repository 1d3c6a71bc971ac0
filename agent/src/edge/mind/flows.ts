/**
 * What page servers count, as metrics of this node: totals over all its handoffs, and gauges of those under way. Only
 * running handoffs are remembered.
 */
import { isVcpu } from '../handoff/figures.ts';
import type { HandoffStatus } from '../http/api.types.ts';
import type { Metrics } from '../metrics.ts';

const CLASSES = ['urgent', 'bulk', 'state', 'control'] as const;
const GAUGES = [
  'shoal_handoff_residual_bytes',
  'shoal_handoff_goodput_bytes_per_second',
  'shoal_handoff_window_bytes',
] as const;

type Counted = Pick<HandoffStatus, 'bytes' | 'reconnects' | 'releasedBytes' | 'faults'> & {
  stoodUs: ReturnType<typeof stoodUs>;
};

const NOTHING: Counted = {
  bytes: { urgent: 0, bulk: 0, state: 0, control: 0 },
  reconnects: 0,
  releasedBytes: 0,
  faults: { count: 0, sumUs: 0, p50Us: 0, p99Us: 0, maxUs: 0, buckets: [] },
  stoodUs: { vcpu: 0, other: 0 },
};

/** By kind of thread: a guest has as many as it likes, a label has few values. */
function stoodUs(blocked: HandoffStatus['blocked']): { vcpu: number; other: number } {
  const sum = { vcpu: 0, other: 0 };
  for (const row of blocked) sum[isVcpu(row) ? 'vcpu' : 'other'] += row.us;
  return sum;
}

export class Flows {
  readonly #metrics: Metrics;
  /** By handoff: what of it is in the totals. */
  readonly #counted = new Map<string, Counted>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Right before a scrape: all handoffs of this node that are under way. */
  running(handoffs: readonly HandoffStatus[]): void {
    for (const name of GAUGES) this.#metrics.clear(name);
    for (const handoff of handoffs) {
      this.#count(handoff);
      const { name: vm, role, residualBytes, bytesPerSecond, windowBytes } = handoff;
      for (const [i, value] of [residualBytes, bytesPerSecond, windowBytes].entries())
        if (value >= 0) this.#metrics.set(GAUGES[i]!, { vm, role }, value);
    }
  }

  /** The last figures of a handoff that is over. */
  ended(handoff: HandoffStatus): void {
    this.#count(handoff);
    this.#counted.delete(handoff.handoff);
  }

  #count(status: HandoffStatus): void {
    const { handoff, role, engine, bytes, reconnects, releasedBytes, faults } = status;
    if (bytes.control < 0) return;
    const known = this.#counted.get(handoff) ?? NOTHING;
    // A page server that was started again counts from nothing. (Control is a difference: it falls while bytes are under way.)
    const payload = (of: Counted['bytes']) => of.urgent + of.bulk + of.state;
    const before = payload(bytes) < payload(known.bytes) ? NOTHING : known;
    const rise = (now: number, was: number) => Math.max(0, now - was);
    const metrics = this.#metrics;
    for (const of of CLASSES) {
      const more = rise(bytes[of], before.bytes[of]);
      metrics.count('shoal_handoff_bytes_total', { engine, role, class: of }, more);
    }
    metrics.count('shoal_handoff_reconnects_total', { role }, rise(reconnects, before.reconnects));
    if (role === 'source')
      metrics.count('shoal_handoff_released_bytes_total', {}, rise(releasedBytes, before.releasedBytes));
    const more = faults.buckets.map((count, i) => rise(count, before.faults.buckets[i] ?? 0));
    metrics.tally('shoal_fault_seconds', more, rise(faults.sumUs, before.faults.sumUs) / 1e6);
    const stood = stoodUs(status.blocked);
    for (const thread of ['vcpu', 'other'] as const) {
      const seconds = rise(stood[thread], before.stoodUs[thread]) / 1e6;
      metrics.count('shoal_fault_blocked_seconds_total', { thread }, seconds);
    }
    const control = Math.max(bytes.control, before.bytes.control);
    this.#counted.set(handoff, {
      bytes: { ...bytes, control },
      reconnects,
      releasedBytes,
      faults,
      stoodUs: stood,
    });
  }
}
