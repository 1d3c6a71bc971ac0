/**
 * The view: the newest load report of every node, by receive time on this node's monotonic clock, and the reports of
 * the last 10 s, so that an offer can be judged on the very reports it was decided on (authority.md, Decisions).
 */
import type { NodeView, View, VmView } from '@shoal/policies';
import { type Passed, Passing } from './passing.ts';
import { type AsleepEntry, sleepingView } from './power/entry.ts';
import { isNewer, type LoadReport, type Mark, newest, type ReportRef } from './report-order.ts';

/** Reports are kept this long for re-evaluation: a decision older than that is out of date anyway. */
const KEEP_REPORTS_MS = 10_000;

/** A node tells of changes 25 times a second at most: more than that for 10 s is a flood, and only the newest are kept. */
const KEEP_REPORTS_MAX = 256;

export type ViewOptions = {
  self: string;
  staleAfterMs: number;
  /** The rule's own predicate, so that an overload is timed as the rule means it. */
  overloaded(report: LoadReport): boolean;
  /** Nodes that sleep by their own word: their last reports say nothing of now. */
  asleep?(): readonly Sleeper[];
};

/** `cordoned`: a person has taken it out, and it shall not be woken for a VM. */
type Sleeper = { node: string; entry: AsleepEntry; state: 'asleep' | 'unwakeable'; cordoned?: boolean };

type Held = { report: LoadReport; receivedAtMs: number; overloadedSinceMs: number };

/** `old`: overtaken by a newer one on its way. `replay`: told again by somebody, or too late to be of use to anybody. */
export type Verdict = 'new' | 'old' | 'replay';

export class ClusterView {
  readonly #options: ViewOptions;
  readonly #newest = new Map<string, Held>();
  readonly #recent = new Map<string, Held[]>();
  /** Of each node: what is at or before this is not taken any more. Whoever keeps a report can tell it again for ever. */
  readonly #floors: Map<string, Mark>;
  readonly #passing: Passing;

  /** `marks`: up to where each node was heard in earlier lives of this one. */
  constructor(options: ViewOptions, marks: Iterable<readonly [string, Mark]> = []) {
    this.#options = options;
    this.#floors = new Map(marks);
    this.#passing = new Passing(options.staleAfterMs);
  }

  /**
   * Takes a checked report of `report.node`; only a new one changes anything in the view. One that waited `waitedMs` on
   * its way says nothing of the time since: it is as old as if it had come that much earlier, but not older than the one
   * before it.
   */
  merge(report: LoadReport, nowMs: number, waitedMs = 0): Verdict {
    if (this.isReplay(report, nowMs)) return 'replay';
    const before = this.#newest.get(report.node);
    const old = before !== undefined && !isNewer(report, before.report);
    // One that was overtaken may still be what an offer stands on; it was sent no later than the one that overtook it.
    const receivedAtMs = old
      ? Math.min(nowMs, before.receivedAtMs)
      : Math.max(nowMs - waitedMs, before?.receivedAtMs ?? 0);
    const held = { report, receivedAtMs, overloadedSinceMs: this.#overloadedSince(report, before, nowMs) };
    this.#keep(held, nowMs);
    if (old) return 'old';
    this.#newest.set(report.node, held);
    this.#passing.note(before?.report, held);
    return 'new';
  }

  /** True for a report that this node can have heard more than 10 s ago. */
  isReplay(report: Mark & { node: string }, nowMs: number): boolean {
    this.#prune(report.node, nowMs);
    const floor = this.#floors.get(report.node);
    return floor !== undefined && !isNewer(report, floor);
  }

  /** Up to where each node was heard: for the next life of this one. */
  marks(): ReadonlyMap<string, Mark> {
    const marks = new Map(this.#floors);
    for (const [node, { report }] of this.#newest) {
      const { incarnation, seq } = report;
      marks.set(node, newest({ incarnation, seq }, marks.get(node) ?? { incarnation, seq }));
    }
    return marks;
  }

  /** A break in the reports breaks the overload too: nobody knows what was meanwhile. */
  #overloadedSince(report: LoadReport, before: Held | undefined, nowMs: number): number {
    if (!this.#options.overloaded(report)) return -1;
    const unbroken =
      before &&
      before.overloadedSinceMs >= 0 &&
      before.report.incarnation === report.incarnation &&
      nowMs - before.receivedAtMs <= this.#options.staleAfterMs;
    return unbroken ? before.overloadedSinceMs : nowMs;
  }

  #keep(held: Held, nowMs: number): void {
    const { node, incarnation, seq } = held.report;
    const recent = this.#recent.get(node) ?? [];
    const known = recent.some(h => h.report.incarnation === incarnation && h.report.seq === seq);
    if (!known && nowMs - held.receivedAtMs <= KEEP_REPORTS_MS) recent.push(held);
    this.#recent.set(node, recent);
    this.#prune(node, nowMs);
  }

  /** Lets go of what is too old or too much, and takes nothing at or before it again. */
  #prune(node: string, nowMs: number): void {
    const recent = this.#recent.get(node);
    if (!recent) return;
    const young = recent.filter(h => nowMs - h.receivedAtMs <= KEEP_REPORTS_MS);
    const kept = young.slice(-KEEP_REPORTS_MAX);
    if (kept.length === recent.length) return;
    for (const { report } of recent) {
      if (kept.some(h => h.report === report)) continue;
      const { incarnation, seq } = report;
      this.#floors.set(node, newest({ incarnation, seq }, this.#floors.get(node) ?? { incarnation, seq }));
    }
    this.#recent.set(node, kept);
  }

  /** A node that left the mesh for good (off the allow-list). Its mark stays: it may join again. */
  forget(node: string): void {
    const mark = this.marks().get(node);
    if (mark) this.#floors.set(node, mark);
    this.#newest.delete(node);
    this.#recent.delete(node);
    this.#passing.forget(node);
  }

  /** VMs that a node gave away and that no newest report lists (yet). */
  passing(): Passed[] {
    return this.#passing.rows([...this.#newest.values()]);
  }

  /** The newest report of each node with its age, sorted by node id. */
  reports(nowMs: number): { report: LoadReport; ageMs: number; stale: boolean }[] {
    return this.#sorted([...this.#newest.values()]).map(({ report, receivedAtMs }) => {
      const ageMs = Math.round(nowMs - receivedAtMs);
      return { report, ageMs, stale: this.#stale(report, ageMs) };
    });
  }

  /** What the rule reads. `heard`: a node to be seen as its reports have it, though it says that it sleeps. */
  view(nowMs: number, heard?: string): View {
    const asleep = this.#asleep();
    if (heard !== undefined) asleep.delete(heard);
    const awake = [...this.#newest.values()].filter(held => !asleep.has(held.report.node));
    const { self, nodes } = this.#build(awake, nowMs);
    const sleeping = [...asleep.values()].map(({ node, entry, state, cordoned }) =>
      sleepingView(node, entry, state, cordoned),
    );
    return { self, nodes: [...nodes, ...sleeping].sort((a, b) => (a.node < b.node ? -1 : 1)) };
  }

  #asleep(): Map<string, Sleeper> {
    return new Map((this.#options.asleep?.() ?? []).map(one => [one.node, one]));
  }

  /** The highest life of a node that was ever heard; 0: none. */
  incarnationOf(node: string): number {
    const heard = this.#newest.get(node)?.report.incarnation ?? 0;
    return Math.max(heard, this.#floors.get(node)?.incarnation ?? 0);
  }

  /**
   * The reports that a decision on the present view stands on: of living nodes, since a silent one takes no part. With
   * those of the dead in it, a target that was restarted after their death could never judge an offer.
   */
  basis(nowMs: number): ReportRef[] {
    const asleep = this.#asleep();
    const living = this.reports(nowMs).filter(r => !r.stale && !asleep.has(r.report.node));
    return living.map(({ report: { node, incarnation, seq } }) => ({ node, incarnation, seq }));
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
      elected: report.elected,
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
