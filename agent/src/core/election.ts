/**
 * The packing target stays the one that was elected until it no longer qualifies (policy.md, sticky target): it says so
 * in its own report, so that every node reads the same. Without it two nodes of nearly equal load would take turns.
 */
import type { LoadReport } from '@shoal/protocol';

/** `elected`: as it stood before. `report`: what this node is about to say of itself. */
export function staysElected(elected: boolean, report: LoadReport, idlePermille: number): boolean {
  // While a move disturbs the window its figure is not the guests' own.
  const busy = report.windowFull && report.cpuPermille >= idlePermille;
  const hosts = report.vms.some(vm => vm.state === 'running' || vm.state === 'degraded');
  return elected && hosts && !busy && !report.cordoned;
}
