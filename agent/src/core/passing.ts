/**
 * VMs between two lists. The node that gave a VM away lists it no more, and the first list of the node that took it is
 * still on its way: without this, whoever asks at that moment is told that there is no such VM.
 */
import type { LoadReport, VmLoad } from '@shoal/protocol';

/** `to`: peer id of the node that it went to. */
export type Passed = { vm: VmLoad; to: string };

export type Received = { report: LoadReport; receivedAtMs: number };

export class Passing {
  readonly #graceMs: number;
  readonly #passed = new Map<string, Passed & { from: string; sinceMs: number }>();

  /** `graceMs`: so long a report may be on its way, the same as what makes its author stale. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** A node's next report: VMs of its handoffs as a source that are not in it any more have passed on. */
  note(before: LoadReport | undefined, { report, receivedAtMs }: Received): void {
    for (const { vm } of report.vms) this.#passed.delete(vm);
    for (const { vm, role, peer } of before?.handoffs ?? []) {
      const load = before?.vms.find(v => v.vm === vm);
      if (role !== 'source' || !load || report.vms.some(v => v.vm === vm)) continue;
      this.#passed.set(vm, { vm: load, from: report.node, to: peer, sinceMs: receivedAtMs });
    }
  }

  /** A node that left the mesh for good. */
  forget(node: string): void {
    for (const [vm, { to }] of this.#passed) if (to === node) this.#passed.delete(vm);
  }

  /**
   * Those that no node of `newest` lists. They end when the node they went to was heard again long enough after and
   * does not list them: it has let them go. While it is silent its VMs are, as far as anybody knows, still its own.
   */
  rows(newest: readonly Received[]): Passed[] {
    const listed = new Set(newest.flatMap(h => h.report.vms.map(v => v.vm)));
    for (const [vm, { to, sinceMs }] of this.#passed) {
      const heard = newest.find(h => h.report.node === to);
      if (listed.has(vm) || !heard || heard.receivedAtMs > sinceMs + this.#graceMs) this.#passed.delete(vm);
    }
    return [...this.#passed.values()].map(({ vm, to }) => ({ vm, to }));
  }
}
