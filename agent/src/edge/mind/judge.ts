/** Gathers this node's own truth about an offer, then lets the pure judge speak (`core/judge-offer.ts`). */
import type { Decision, ThresholdConfig, View } from '@shoal/policies';
import type { Mode, Offer } from '@shoal/protocol';
import { judgeOffer, type Verdict } from '../../core/judge-offer.ts';
import { type Relocation, targetTruth } from '../../core/target-truth.ts';
import type { ClusterView } from '../../core/view.ts';
import type { Clock } from '../clock.ts';
import type { Parties } from '../handoff/parties.ts';
import type { VmHost } from '../vmm/types.ts';
import type { Vms } from '../vms/vms.ts';
import { reevaluate } from './await-basis.ts';

export type JudgeOptions = {
  self: string;
  policyHash: string;
  config: ThresholdConfig;
  reserveMib: number;
  postcopy: boolean;
};
export type JudgeDeps = {
  vms: Pick<Vms, 'list' | 'get'>;
  host: Pick<VmHost, 'judge' | 'checkDiskNonces'>;
  /** `pausedMs`: left of the longest pause of the mesh. */
  flags(): { cordoned: boolean; closed: boolean; pausedMs: number };
  clusterView: ClusterView;
  decide(view: View): Decision;
  mode(): Mode;
  freeMib(): number;
  parties: Pick<Parties, 'inflow' | 'promised' | 'outgoing'>;
  /** The last relocation that this node took part in. */
  relocation(): { id: string; atMs: number } | undefined;
  clock: Clock;
};

export async function judge(
  offer: Offer,
  source: string,
  options: JudgeOptions,
  deps: JudgeDeps,
): Promise<Verdict> {
  const { clusterView, clock, vms, host } = deps;
  const { vm } = offer.spec;
  const faults = await host.judge(offer.spec);
  if (faults.length === 0) faults.push(...(await host.checkDiskNonces(offer.spec, offer.diskNonces)));
  const again = await reevaluate(offer.basis, clusterView, deps.decide, clock);
  // Looked at last, after everything that takes time: what is true now counts.
  const nowMs = clock.nowMs();
  const seen = clusterView.reports(nowMs);
  const others = seen.filter(s => s.report.node !== options.self && s.report.node !== source);
  const rival = others.find(s => !s.stale && s.report.vms.some(v => v.vm === vm));
  const own = vms.list().map(v => v.record.spec);
  const named = [...seen.flatMap(s => s.report.vms), ...own];
  return judgeOffer(
    offer,
    source,
    {
      ...options,
      mode: deps.mode(),
      ...deps.flags(),
      memoryFreeMib: deps.freeMib(),
      inflow: deps.parties.inflow(),
      vms: own.length + deps.parties.promised(),
      names: new Set(named.filter(v => v.vm !== vm).map(v => v.name)),
      ownsVm: vms.get(vm) !== undefined,
      claimedBy: rival?.report.name,
      outgoing: deps.parties.outgoing(),
      faults,
      present: targetTruth(clusterView.view(nowMs), offer, source, {
        labels: new Map(own.map(spec => [spec.vm, spec.labels])),
        relocations: relocations(options.self, deps, nowMs),
      }),
    },
    again,
  );
}

/** By each node's newest report; of this node as it is now, which its last report may not say yet. */
function relocations(self: string, { clusterView, relocation }: JudgeDeps, nowMs: number) {
  const seen = clusterView.reports(nowMs).filter(s => s.report.sinceRelocationMs >= 0);
  const known = new Map<string, Relocation>(
    seen.map(({ report, ageMs }) => [
      report.node,
      { id: report.relocation, sinceMs: report.sinceRelocationMs + ageMs },
    ]),
  );
  const own = relocation();
  if (own) known.set(self, { id: own.id, sinceMs: nowMs - own.atMs });
  return known;
}
