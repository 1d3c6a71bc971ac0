/**
 * The view: the newest load report of every node, by receive time on this node's monotonic clock, and the reports of
 * the last 10 s, so that an offer can be judged on the very reports it was decided on (authority.md, Decisions).
 */
import type { NodeView, View, VmView } from '@shoal/policies';
import { isNewer, type LoadReport, type ReportRef } from './report-order.ts';

/** Reports are kept this long for re-evaluation: a decision older than that is out of date anyway. */
const KEEP_REPORTS_MS = 10_000;

export type ViewOptions = { self: string; staleAfterMs: number; overloadPermille: number };

type Held = { report: LoadReport; receivedAtMs: number; overloadedSinceMs: number };

export type Verdict = 'new' | 'old';

export class ClusterView {
  readonly #options: ViewOptions;
  readonly #newest = new Map<string, Held>();
  readonly #recent = new Map<string, Held[]>();

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  /** Takes a checked report of `report.node`; `old` = a replay or a late one, dropped. */
  merge(report: LoadReport, nowMs: number): Verdict {
    const before = this.#newest.get(report.node);
    if (before && !isNewer(report, before.report)) return 'old';
    const over = report.cpuPermille >= this.#options.overloadPermille;
    const since = over ? (before && before.overloadedSinceMs >= 0 ? before.overloadedSinceMs : nowMs) : -1;
    const held: Held = { report, receivedAtMs: nowMs, overloadedSinceMs: since };
    this.#newest.set(report.node, held);
    const recent = (this.#recent.get(report.node) ?? []).filter(
      h => nowMs - h.receivedAtMs <= KEEP_REPORTS_MS,
    );
    recent.push(held);
    this.#recent.set(report.node, recent);
    return 'new';
  }

  /** A node that left the mesh for good (off the allow-list). */
  forget(node: string): void {
    this.#newest.delete(node);
    this.#recent.delete(node);
  }

  /** The newest report of each node with its age, sorted by node id. */
  reports(nowMs: number): { report: LoadReport; ageMs: number; stale: boolean }[] {
    return this.#sorted([...this.#newest.values()]).map(({ report, receivedAtMs }) => {
      const ageMs = Math.round(nowMs - receivedAtMs);
      return { report, ageMs, stale: this.#stale(report, ageMs) };
    });
  }

  /** What the rule reads. */
  view(nowMs: number): View {
    return this.#build([...this.#newest.values()], nowMs);
  }

  /** The reports that a decision on the present view stands on. */
  basis(): ReportRef[] {
    return this.#sorted([...this.#newest.values()]).map(({ report: { node, incarnation, seq } }) => ({
      node,
      incarnation,
      seq,
    }));
  }

  /** The view made of exactly these reports, or the first one that this node does not hold (yet, or any more). */
  viewOf(basis: readonly ReportRef[], nowMs: number): { view: View } | { missing: ReportRef } {
    const held: Held[] = [];
    for (const ref of basis) {
      const found = this.#recent
        .get(ref.node)
        ?.find(h => h.report.incarnation === ref.incarnation && h.report.seq === ref.seq);
      if (!found) return { missing: ref };
      held.push(found);
    }
    return { view: this.#build(held, nowMs) };
  }

  #stale(report: LoadReport, ageMs: number): boolean {
    return report.node !== this.#options.self && ageMs > this.#options.staleAfterMs;
  }

  #sorted(held: Held[]): Held[] {
    return held.sort((a, b) => (a.report.node < b.report.node ? -1 : 1));
  }

  #build(held: Held[], nowMs: number): View {
    return { self: this.#options.self, nodes: this.#sorted(held).map(h => this.#nodeView(h, nowMs)) };
  }

  #nodeView({ report, receivedAtMs, overloadedSinceMs }: Held, nowMs: number): NodeView {
    const ageMs = Math.round(nowMs - receivedAtMs);
    const moving = new Set(report.handoffs.map(h => h.vm));
    return {
      node: report.node,
      name: report.name,
      incarnation: report.incarnation,
      seq: report.seq,
      ageMs,
      state: this.#stale(report, ageMs) ? 'stale' : 'awake',
      mode: report.mode,
      policyHash: report.policyHash,
      cordoned: report.cordoned,
      paused: report.pausedMs > ageMs,
      cores: report.cores,
      cpuPermille: report.cpuPermille,
      overloadedForMs: overloadedSinceMs < 0 ? 0 : Math.round(nowMs - overloadedSinceMs),
      windowFull: report.windowFull,
      memoryMib: report.memoryMib,
      memoryFreeMib: report.memoryFreeMib,
      sinceRelocationMs: report.sinceRelocationMs < 0 ? -1 : report.sinceRelocationMs + ageMs,
      inflow: report.handoffs.filter(h => h.role === 'target').length,
      outflow: report.handoffs.filter(h => h.role === 'source').length,
      vms: report.vms.map(vm => vmView(vm, ageMs, moving.has(vm.vm))).sort((a, b) => (a.vm < b.vm ? -1 : 1)),
    };
  }
}

/** Remaining times shrink by the report's age; the labels of other nodes' VMs do not travel in reports. */
function vmView(vm: LoadReport['vms'][number], ageMs: number, moving: boolean): VmView {
  return {
    vm: vm.vm,
    name: vm.name,
    state: vm.state,
    cpuMilli: vm.cpuMilli,
    memoryMib: vm.memoryMib,
    migration: vm.migration,
    pinnedMs: Math.max(0, vm.pinnedMs - ageMs),
    backoffMs: Math.max(0, vm.backoffMs - ageMs),
    moving,
    labels: {},
  };
}
