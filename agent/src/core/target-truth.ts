/**
 * The present view as a target has it: this node by what it knows of itself, the offered VM with the labels that only
 * its spec carries. What the offer's own relocation did is no reason against it: its rows are exempt from the cooldown
 * that it starts (policy.md).
 */
import type { NodeView, View } from '@shoal/policies';
import type { Offer } from '@shoal/protocol';

export type Labels = Readonly<Record<string, string>>;
export type Relocation = { id: string; sinceMs: number };

export type Known = {
  /** Labels of this node's VMs by UUID. */
  labels: ReadonlyMap<string, Labels>;
  /** Last relocation of each node by its newest report, this node's own as it is now. */
  relocations: ReadonlyMap<string, Relocation>;
};

export function targetTruth(view: View, offer: Offer, source: string, known: Known): View {
  return { ...view, nodes: view.nodes.map(n => node(n, view.self, offer, source, known)) };
}

function node(n: NodeView, self: string, offer: Offer, source: string, known: Known): NodeView {
  const last = known.relocations.get(n.node);
  const exempt = !last || last.id === '' || last.id === offer.relocation;
  return {
    ...n,
    sinceRelocationMs: exempt ? -1 : Math.round(last.sinceMs),
    vms: n.vms.map(vm => {
      if (n.node === source && vm.vm === offer.spec.vm) return { ...vm, labels: offer.spec.labels };
      return n.node === self ? { ...vm, labels: known.labels.get(vm.vm) ?? {} } : vm;
    }),
  };
}
