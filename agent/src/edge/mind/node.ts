/**
 * This node's heartbeat: sample, report, decide, once a period. Its own entry in its view is its last published
 * report, so that it decides on the very numbers that its peers have (policy.md, Leaderless).
 */
import {
  decodeLoadReport,
  encodeLoadReport,
  type Fault,
  type HandoffLoad,
  type LoadReport,
  type Offer,
} from '@shoal/protocol';
import { staysElected } from '../../core/election.ts';
import { LINES, Rates } from '../../core/rate.ts';
import type { ClusterView } from '../../core/view.ts';
import type { Clock } from '../clock.ts';
import type { History } from '../history.ts';
import type { Logger } from '../log.ts';
import type { Mesh, Verdict } from '../mesh/types.ts';
import type { Metrics } from '../metrics.ts';
import type { Sampler } from '../sampler/sampler.ts';
import type { Marks } from '../store/marks.ts';
import { tapName } from '../vmm/paths.ts';
import type { Vms } from '../vms/vms.ts';
import type { Decider } from './decider.ts';
import { makeReport, type ReportInputs } from './reporter.ts';

export type NodeDeps = {
  sampler: Sampler;
  vms: Vms;
  clusterView: ClusterView;
  history: History;
  marks: Pick<Marks, 'write'>;
  mesh(): Mesh;
  decider(): Pick<Decider, 'tick'>;
  power(): { hasSlept(): boolean; tick(): void; heard(node: string, incarnation: number): void };
  inputs(): Omit<ReportInputs, 'relocation' | 'elected'>;
  idlePermille: number;
  metrics: Metrics;
  clock: Clock;
  log: Logger;
};

/** Changes are told at once, but a burst of them (a handoff has ten) in one report. */
const TELL_AFTER_MS = 40;
/** A round takes a moment, seconds on a node that is starved; later than this something hangs or fails each time. */
const BEATING_MS = 15_000;

/**
 * Reports of one author: a busy node tells 25 changes a second (TELL_AFTER_MS), and after a link was down for a while
 * what waited comes at once. More than this is a flood, and costs who sends it its connection.
 */
const REPORTS = { burst: 256, perSecond: 32 };

/** Something of it loads this node: not while it is only offered, nor while nothing moves for doubt. */
const isUnderWay = (h: HandoffLoad): boolean => h.stage !== 'offered' && !h.inDoubt;

export class Node {
  readonly #deps: NodeDeps;
  #seq = 0;
  #relocation: ReportInputs['relocation'];
  #elected = false;
  #tell: (() => void) | undefined;
  #stopped = false;
  /** End of the last whole round; before the first, the start of the agent. */
  #roundAtMs: number;
  readonly #reports = new Rates(REPORTS.burst, REPORTS.perSecond);
  readonly #lines = new Rates(LINES.burst, LINES.perSecond);

  constructor(deps: NodeDeps) {
    this.#deps = deps;
    this.#roundAtMs = deps.clock.nowMs();
  }

  get relocation(): ReportInputs['relocation'] {
    return this.#relocation;
  }

  /** This node takes part in a relocation that the rule asked for: the cooldown begins. */
  relocated(id: string): void {
    if (id && this.#relocation?.id !== id) this.#relocation = { id, atMs: this.#deps.clock.nowMs() };
  }

  /** This node said yes to an offer. Packing that chose it goes on toward it. */
  takes({ reason, relocation }: Pick<Offer, 'reason' | 'relocation'>): void {
    this.relocated(relocation);
    if (reason === 'consolidate') this.#elected = true;
  }

  /** What keeps this node from being trusted to sample, report and decide; empty = well. */
  faults(): string[] {
    const ageMs = this.#deps.clock.nowMs() - this.#roundAtMs;
    const silent = `no heartbeat for ${Math.round(ageMs / 1000)} s: this node does not decide`;
    return [...(ageMs > BEATING_MS ? [silent] : []), ...this.#deps.sampler.faults()];
  }

  /** One period. */
  async round(): Promise<void> {
    // What the last life of the machine left in this one's view is older than it looks.
    if (this.#deps.power().hasSlept()) return;
    try {
      await this.#work();
    } finally {
      // Whatever failed: nobody stays closed, or asleep, for it.
      this.#deps.power().tick();
    }
    this.#roundAtMs = this.#deps.clock.nowMs();
  }

  async #work(): Promise<void> {
    const { sampler, vms, history, marks, clusterView, decider, inputs } = this.#deps;
    // The load of a move must not drive the next decision (paper, section 5): not while pages still come either.
    if (inputs().handoffs.some(isUnderWay)) sampler.disturb();
    await sampler.sample(
      vms
        .list()
        .flatMap(({ record: { spec }, vmm }) =>
          vmm ? [{ vm: spec.vm, pid: vmm.pid, taps: spec.nics.map((_, i) => tapName(spec.vm, i)) }] : [],
        ),
    );
    const report = await this.publish();
    await history.add(report);
    await marks.write(clusterView.marks());
    await decider().tick();
  }

  /** Something changed that others should hear of soon. */
  tell(): void {
    if (this.#tell || this.#stopped) return;
    this.#tell = this.#deps.clock.after(TELL_AFTER_MS, () => {
      this.#tell = undefined;
      this.publish().catch(error => this.#deps.log.warn({ error: String(error) }, 'report not published'));
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#tell?.();
  }

  async publish(): Promise<LoadReport> {
    const { inputs, sampler, clock, clusterView, mesh, metrics, log } = this.#deps;
    this.#seq += 1;
    const own = { ...inputs(), relocation: this.#relocation, elected: this.#elected };
    const report = makeReport(own, this.#seq, sampler, clock);
    this.#elected = staysElected(this.#elected, report, this.#deps.idlePermille);
    report.elected = this.#elected;
    clusterView.merge(report, clock.nowMs());
    await mesh()
      .publish(encodeLoadReport(report))
      .then(() => metrics.count('shoal_reports_sent_total', {}))
      .catch(error => log.warn({ error: String(error) }, 'report not published'));
    return report;
  }

  /**
   * Before a report is passed on to anybody: malformed, in another node's name or one of a flood costs its author the
   * connection. One that is told again is dropped quietly, for whoever passes it on may not know better.
   */
  validate(author: string, bytes: Uint8Array): Verdict {
    const nowMs = this.#deps.clock.nowMs();
    if (!this.#reports.take(author, nowMs))
      return this.#refuse(author, 'flood', 'too many a second', 'reject');
    const decoded = decodeLoadReport(bytes);
    if (!decoded.ok) return this.#refuse(author, decoded.fault.code, decoded.fault, 'reject');
    const { node, incarnation, seq } = decoded.value;
    if (node !== author) return this.#refuse(author, 'author', 'it names another node', 'reject');
    if (!this.#deps.clusterView.isReplay(decoded.value, nowMs)) return 'accept';
    const fault = `incarnation ${incarnation}, report ${seq} was heard before: it is told again`;
    return this.#refuse(author, 'replay', fault, 'ignore');
  }

  #refuse(author: string, reason: string, fault: string | Fault, verdict: Verdict): Verdict {
    const { metrics, log, clock } = this.#deps;
    metrics.count('shoal_reports_rejected_total', { reason });
    if (this.#lines.take(author, clock.nowMs())) log.warn({ author, reason, fault }, 'report refused');
    return verdict;
  }

  /** `waitedMs`: what it may have waited on its way. */
  heard(bytes: Uint8Array, waitedMs = 0): void {
    const { clusterView, mesh, metrics, power, clock } = this.#deps;
    const decoded = decodeLoadReport(bytes);
    if (!decoded.ok) return; // validated a moment ago
    if (clusterView.merge(decoded.value, clock.nowMs(), waitedMs) !== 'new') {
      metrics.count('shoal_reports_rejected_total', { reason: 'old' });
      return;
    }
    metrics.count('shoal_reports_received_total', {});
    power().heard(decoded.value.node, decoded.value.incarnation);
    mesh().learn(decoded.value.node, decoded.value.addresses);
  }
}
