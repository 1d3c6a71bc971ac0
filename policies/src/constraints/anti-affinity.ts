/**
 * No two VMs with the same `plb_anti_affinity_*` label run on one node. Labels are known of a node's own VMs and of an
 * offered one; where they are not known there is nothing to break.
 */
import type { VmView } from '../types.ts';
import type { Constraint } from './types.ts';

const groups = (vm: VmView): string[] =>
  Object.keys(vm.labels).filter(l => l.startsWith('plb_anti_affinity'));

export const antiAffinity: Constraint = {
  code: 'anti-affinity',
  breaks({ vm, to, view, earlier }) {
    const arriving = earlier.filter(m => m.to === to.node).map(m => m.vm);
    const there = [...to.vms, ...view.nodes.flatMap(n => n.vms).filter(v => arriving.includes(v.vm))];
    const clash = there.find(v => v.vm !== vm.vm && groups(v).some(g => groups(vm).includes(g)));
    return clash ? `${clash.name} is on ${to.name}` : undefined;
  },
};
