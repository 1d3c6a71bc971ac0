/** Which sleeping node is asked to wake: the lowest id (none costs more than another yet), one for as many VMs as fit. */
import type { NodeView, VmView } from '../types.ts';
import type { Draft } from './draft.ts';

/** The node that will take the VM once it is awake, or undefined. Puts the VM there on paper. */
export function wakeFor(draft: Draft, vm: VmView): NodeView | undefined {
  const { view, config, wake, wakePlan } = draft;
  const fits = (n: NodeView) => {
    const planned = wakePlan.get(n.node) ?? { milli: 0, mib: 0 };
    return (
      planned.mib + vm.memoryMib <= n.memoryFreeMib &&
      Math.round((planned.milli + vm.cpuMilli) / n.cores) < config.overloadPermille
    );
  };
  const asleep = view.nodes.filter(n => n.state === 'asleep' && !n.cordoned);
  const asked = asleep.filter(n => wake.some(row => row.node === n.node));
  const node = asked.find(fits) ?? asleep.find(fits);
  if (!node) return undefined;
  wake.push({ node: node.node, vm: vm.vm });
  const planned = wakePlan.get(node.node) ?? { milli: 0, mib: 0 };
  wakePlan.set(node.node, { milli: planned.milli + vm.cpuMilli, mib: planned.mib + vm.memoryMib });
  return node;
}
