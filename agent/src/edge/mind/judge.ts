/** Gathers this node's own truth about an offer, then lets the pure judge speak (`core/judge-offer.ts`). */
import type { Decision, View } from '@shoal/policies';
import type { Mode, Offer } from '@shoal/protocol';
import { judgeOffer, type Verdict } from '../../core/judge-offer.ts';
import type { ClusterView } from '../../core/view.ts';
import type { Clock } from '../clock.ts';
import type { Flags } from '../flags.ts';
import type { VmHost } from '../vmm/types.ts';
import type { Vms } from '../vms/vms.ts';
import { reevaluate } from './await-basis.ts';

export type JudgeOptions = { self: string; policyHash: string; reserveMib: number; maxInflow: number };
export type JudgeDeps = {
  vms: Vms;
  host: VmHost;
  flags: Flags;
  clusterView: ClusterView;
  decide(view: View): Decision;
  mode(): Mode;
  freeMib(): number;
  /** Handoffs toward this node that have not ended. */
  inflow(): number;
  /** Why an own offer to that peer stands or runs, or undefined. */
  outgoingTo(peer: string): { reason: string } | undefined;
  clock: Clock;
};

export async function judge(
  offer: Offer,
  source: string,
  options: JudgeOptions,
  deps: JudgeDeps,
): Promise<Verdict> {
  const { vm } = offer.spec;
  const faults = await deps.host.judge(offer.spec);
  if (faults.length === 0) faults.push(...(await deps.host.checkDiskNonces(offer.spec, offer.diskNonces)));
  const again = await reevaluate(offer.basis, deps.clusterView, deps.decide, deps.clock);
  // Looked at last, after everything that takes time: what is true now counts.
  const seen = deps.clusterView.reports(deps.clock.nowMs()).flatMap(s => s.report.vms);
  const own = deps.vms.list().map(v => v.record.spec);
  const names = new Set([...seen, ...own].filter(v => v.vm !== vm).map(v => v.name));
  return judgeOffer(
    offer,
    source,
    {
      ...options,
      mode: deps.mode(),
      cordoned: deps.flags.cordoned,
      pausedMs: deps.flags.pausedMs,
      memoryFreeMib: deps.freeMib(),
      inflow: deps.inflow(),
      names,
      ownsVm: deps.vms.get(vm) !== undefined,
      outgoing: deps.outgoingTo(source),
      faults,
    },
    again,
  );
}
