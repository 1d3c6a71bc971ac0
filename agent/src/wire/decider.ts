/** How decisions meet the rule, the handoffs and what is kept of them. */
import { threshold } from '@shoal/policies';
import type { Mode } from '@shoal/protocol';
import { chooseEngine, type EngineWants } from '../core/choose-engine.ts';
import type { ClusterView } from '../core/view.ts';
import type { Answered, Handoffs } from '../edge/handoff/handoffs.ts';
import type { OfferRequest } from '../edge/handoff/make-offer.ts';
import { digest16 } from '../edge/machine.ts';
import { Decider } from '../edge/mind/decider.ts';
import type { Vms } from '../edge/vms/vms.ts';
import type { Policy } from '../settings.ts';
import type { Ports } from './ports.ts';

export type DeciderParts = {
  self: string;
  policy: Policy;
  clusterView: ClusterView;
  /** What this node does with the rule's moves now. */
  acting(): Mode;
  paused(): boolean;
  handoffs: Handoffs;
  vms: Vms;
  engines: EngineWants;
  offer(request: Omit<OfferRequest, 'decidedAtMs'>): Promise<Answered>;
};

export function wireDecider(parts: DeciderParts, { metrics, state, clock, log, postcopy }: Ports): Decider {
  const { self, policy, clusterView, acting, paused, handoffs, vms, engines, offer } = parts;
  return new Decider(
    {
      self,
      rule: threshold.name,
      get policyHash() {
        return policy.hash;
      },
      get cooldownMs() {
        return policy.config.cooldownMs;
      },
      get config() {
        return policy.numbers;
      },
    },
    {
      clusterView,
      decide: policy.rule,
      digest: digest16,
      mode: acting,
      paused,
      own: () => ({ ...handoffs.parties.own(), maxOutflow: policy.config.maxOutflow }),
      async offer(move, relocation, basis) {
        const record = vms.get(move.vm)?.record;
        if (!record) return { accepted: false, code: 'gone', detail: 'the VM is not here any more' };
        const busy = vms.busy(record.spec.vm);
        if (busy) return { accepted: false, code: 'busy', detail: `a ${busy} of the VM is under way` };
        metrics.count('shoal_moves_total', { reason: move.reason });
        const { spec, epoch } = record;
        const engine = chooseEngine(spec, engines, move.reason, postcopy);
        return offer({ spec, epoch, target: move.to, engine, reason: move.reason, relocation, basis });
      },
      async keep(record) {
        metrics.count('shoal_decisions_total', { action: record.action });
        for (const { code } of record.decision.refusals) metrics.count('shoal_refusals_total', { code });
        await state.decisions.add(record);
      },
      clock,
      log,
    },
  );
}
