/**
 * What nodes look like after moves that are not made yet. CPU of a node of C cores: permille of all C together; a VM of
 * m milli-cores weighs m / C there.
 */
import { byId } from './order.ts';
import type { NodeView, Projected, View, VmView } from './types.ts';

export type ProjectedNode = {
  view: NodeView;
  cpuMilli: number;
  memoryFreeMib: number;
  inflow: number;
  outflow: number;
  /** VMs that this decision sends here. */
  arriving: number;
  vms: VmView[];
};

export class Projection {
  readonly #nodes: Map<string, ProjectedNode>;

  constructor(view: View) {
    const sorted = [...view.nodes].sort((a, b) => byId(a.node, b.node));
    this.#nodes = new Map(sorted.map(n => [n.node, start(n)]));
  }

  /** The same paper again, to try on it what may be thrown away. */
  copy(): Projection {
    const copy = new Projection({ self: '', nodes: [] });
    for (const [id, node] of this.#nodes) copy.#nodes.set(id, { ...node });
    return copy;
  }

  node(id: string): ProjectedNode {
    const found = this.#nodes.get(id);
    if (!found) throw new Error(`assertion failed: ${id} is in the view`);
    return found;
  }

  /** Permille of the node if the VM were there too. */
  with(id: string, vm: VmView): number {
    const node = this.node(id);
    return Math.round((node.cpuMilli + vm.cpuMilli) / node.view.cores);
  }

  permille(id: string): number {
    const node = this.node(id);
    return Math.round(node.cpuMilli / node.view.cores);
  }

  /** Carries the move out on paper; answers both nodes before and after. */
  move(vm: VmView, from: string, to: string): Projected[] {
    const [source, target] = [this.node(from), this.node(to)];
    const before = [this.#snapshot(from), this.#snapshot(to)] as const;
    source.cpuMilli = Math.max(0, source.cpuMilli - vm.cpuMilli);
    source.memoryFreeMib += vm.memoryMib;
    source.outflow++;
    source.vms = source.vms.filter(v => v.vm !== vm.vm);
    target.cpuMilli += vm.cpuMilli;
    target.memoryFreeMib -= vm.memoryMib;
    target.inflow++;
    target.arriving++;
    target.vms = [...target.vms, vm];
    return [from, to].map((node, i) => {
      const after = this.#snapshot(node);
      const was = before[i as 0 | 1];
      return {
        node,
        cpuBefore: was.cpu,
        cpuAfter: after.cpu,
        memoryFreeBefore: was.free,
        memoryFreeAfter: after.free,
      };
    });
  }

  #snapshot(id: string): { cpu: number; free: number } {
    return { cpu: this.permille(id), free: this.node(id).memoryFreeMib };
  }
}

function start(view: NodeView): ProjectedNode {
  return {
    view,
    cpuMilli: view.cpuPermille * view.cores,
    memoryFreeMib: view.memoryFreeMib,
    inflow: view.inflow,
    outflow: view.outflow,
    arriving: 0,
    vms: [...view.vms].sort((a, b) => byId(a.vm, b.vm)),
  };
}
