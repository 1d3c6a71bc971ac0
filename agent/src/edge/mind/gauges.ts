/** Sets the metrics that are read off the present state, right before a scrape. */
import type { ClusterStatus, HandoffStatus } from '../http/api.types.ts';
import type { Mesh } from '../mesh/types.ts';
import type { Metrics } from '../metrics.ts';
import type { HistogramName } from '../metrics-table.ts';
import type { Shared } from '../registers/shared.ts';

const MIB = 2 ** 20;
const JOULES_PER_WATT_HOUR = 3600;

export function setSharedGauges(metrics: Metrics, { registers, settled }: Shared): void {
  const { self } = registers;
  const others = registers.members().filter(m => m.id !== self);
  metrics.set('shoal_mesh_members', {}, others.length + 1);
  metrics.set('shoal_registers', {}, registers.table.all().length);
  metrics.set('shoal_mesh_settled', {}, settled() ? 1 : 0);
}

/** `cpuMs`: CPU time of a VM's process since it started, where it is known. */
export function setGauges(
  metrics: Metrics,
  status: ClusterStatus,
  mesh: Mesh,
  cpuMs: (vm: string) => number | undefined,
): void {
  const self = status.nodes.find(n => n.id === status.nodeId);
  if (self) {
    metrics.set('shoal_node_cpu_ratio', {}, self.cpuPercent / 100);
    metrics.set('shoal_node_memory_bytes', {}, self.memoryMib * MIB);
    metrics.set('shoal_node_memory_available_bytes', {}, self.memoryFreeMib * MIB);
    metrics.set('shoal_node_cordoned', {}, self.cordoned ? 1 : 0);
    metrics.set('shoal_node_paused', {}, self.pausedMs > 0 ? 1 : 0);
    metrics.total('shoal_node_sleeps_total', {}, self.slept.sleeps);
    metrics.total('shoal_node_asleep_seconds_total', {}, self.slept.seconds);
    metrics.total('shoal_node_energy_saved_joules_total', {}, self.slept.wattHours * JOULES_PER_WATT_HOUR);
  }
  const own = status.vms.filter(v => v.nodeId === status.nodeId);
  metrics.keepVms(own.map(v => v.name));
  metrics.clear('shoal_vms');
  for (const state of new Set(own.map(v => v.state)))
    metrics.set('shoal_vms', { state }, own.filter(v => v.state === state).length);
  for (const vm of own) {
    metrics.set('shoal_vm_cpu_ratio', { vm: vm.name }, vm.cpuPercent / 100);
    metrics.set('shoal_vm_memory_resident_bytes', { vm: vm.name }, vm.residentMib * MIB);
    const ms = cpuMs(vm.vm);
    if (ms !== undefined) metrics.total('shoal_vm_cpu_seconds_total', { vm: vm.name }, ms / 1e3);
  }
  metrics.clear('shoal_view_nodes');
  for (const state of new Set(status.nodes.map(n => n.state)))
    metrics.set('shoal_view_nodes', { state }, status.nodes.filter(n => n.state === state).length);
  metrics.set(
    'shoal_view_age_seconds',
    {},
    Math.max(0, ...status.nodes.filter(n => n.state === 'awake').map(n => n.ageMs)) / 1e3,
  );
  const running = status.handoffs.filter(h => h.role !== 'observer');
  for (const role of ['source', 'target'] as const)
    metrics.set('shoal_handoffs_running', { role }, running.filter(h => h.role === role).length);
  metrics.set('shoal_handoffs_in_doubt', {}, running.filter(h => h.inDoubt).length);
  const { sentBytes, receivedBytes } = mesh.stats();
  metrics.total('shoal_mesh_sent_bytes_total', {}, sentBytes);
  metrics.total('shoal_mesh_received_bytes_total', {}, receivedBytes);
  metrics.set('shoal_mesh_peers', {}, mesh.peers().length);
}

/**
 * Counts a handoff that has just ended here. Switch and blackout begin on the source, so the source tells them, up to
 * the target's word that the guest runs: a message longer than the truth. What pages cost: `Flows`.
 */
export function countHandoff(metrics: Metrics, h: HandoffStatus): void {
  if (h.role === 'observer' || h.outcome === '') return;
  const { engine } = h;
  metrics.count('shoal_handoffs_total', { engine, role: h.role, outcome: h.outcome });
  if (h.outcome !== 'done') return;
  const observe = (name: HistogramName, from: number, to: number) => {
    if (from >= 0 && to >= from) metrics.observe(name, { engine }, (to - from) / 1e3);
  };
  if (h.role === 'source') {
    observe('shoal_handoff_switch_seconds', h.at.migrate, h.at.run);
    observe('shoal_handoff_blackout_seconds', h.at.stopped, h.at.run);
    return;
  }
  observe('shoal_handoff_transfer_seconds', h.at.resumed, h.at.transferred);
}
