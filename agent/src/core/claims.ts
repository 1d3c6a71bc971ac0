/**
 * Who carries which VM, by the nodes' own reports. A move leaves two claims for a while: the source lists the VM until
 * its memory has left, and a node that fell silent in between lists it for ever. The higher epoch wins (handoff.md,
 * Identity) where the lower claim is explained so; claims that nothing explains all stay, for people to see.
 */
import type { LoadReport, VmLoad } from '@shoal/protocol';

export type Claim<S> = { seen: S; vm: VmLoad };

export function claims<S extends { report: LoadReport; stale: boolean }>(seen: readonly S[]): Claim<S>[] {
  const all = seen.flatMap(s => s.report.vms.map(vm => ({ seen: s, vm })));
  const isExplained = ({ seen: s, vm }: Claim<S>): boolean =>
    s.stale || s.report.handoffs.some(h => h.vm === vm.vm && h.role === 'source' && h.stage === 'committed');
  return all.filter(
    claim => !isExplained(claim) || !all.some(o => o.vm.vm === claim.vm.vm && o.vm.epoch > claim.vm.epoch),
  );
}

/** VMs that more than one node claims: neither moves them, and people should hear of it. */
export function rivals<S extends { report: LoadReport; stale: boolean }>(
  seen: readonly S[],
): { vm: VmLoad; nodes: string[] }[] {
  const owners = new Map<string, { vm: VmLoad; nodes: string[] }>();
  for (const { seen: s, vm } of claims(seen)) {
    const found = owners.get(vm.vm) ?? { vm, nodes: [] };
    owners.set(vm.vm, { vm, nodes: [...found.nodes, s.report.name] });
  }
  return [...owners.values()].filter(o => o.nodes.length > 1);
}
