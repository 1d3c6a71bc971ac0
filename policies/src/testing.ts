/** Views for tests of rules: a node and a VM with nothing remarkable about them, and what the test is about. */
import type { NodeView, View, VmView } from './types.ts';

export const vm = (id: string, cpuMilli: number, more: Partial<VmView> = {}): VmView => ({
  vm: id,
  name: id,
  state: 'running',
  cpuMilli,
  memoryMib: 512,
  migration: 'postcopy',
  pinnedMs: 0,
  backoffMs: 0,
  moving: false,
  labels: {},
  ...more,
});

/** CPU is the sum of its VMs unless given. */
export const node = (id: string, vms: VmView[], more: Partial<NodeView> = {}): NodeView => {
  const cores = more.cores ?? 1;
  const sum = vms.reduce((total, v) => total + v.cpuMilli, 0);
  return {
    node: id,
    name: id,
    incarnation: 1,
    seq: 1,
    ageMs: 0,
    state: 'awake',
    mode: 'auto',
    policyHash: 'p',
    cordoned: false,
    paused: false,
    cores,
    cpuPermille: Math.min(1000, Math.round(sum / cores)),
    overloadedForMs: 0,
    windowFull: true,
    memoryMib: 4096,
    memoryFreeMib: 4096 - vms.reduce((total, v) => total + v.memoryMib, 0),
    elected: false,
    sinceRelocationMs: -1,
    inflow: 0,
    outflow: 0,
    vms,
    ...more,
  };
};

export const view = (...nodes: NodeView[]): View => ({ self: nodes[0]?.node ?? '', nodes });
