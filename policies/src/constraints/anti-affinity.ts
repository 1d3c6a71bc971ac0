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
    for (const other of there) {
      const shared = other.vm !== vm.vm && groups(other).find(g => groups(vm).includes(g));
      if (shared) return { words: `${other.name} is there, and both are labelled ${shared}` };
    }
    return undefined;
  },
};
