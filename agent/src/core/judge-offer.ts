/**
 * The target's own verdict on an offer, from its own truth (handoff.md, stage 1). Pure: what must be looked up
 * (disks, devices) is looked up before and comes in as faults. The rule is evaluated again on the offer's own list of
 * reports: a move that this node's rule would not ask for is refused (authority.md, Decisions).
 */
import type { Decision, View } from '@shoal/policies';
import type { Mode, Offer } from '@shoal/protocol';

export type Verdict =
  | { ok: true }
  | { ok: false; code: string; detail: string; numbers: Record<string, number> };

export type OwnTruth = {
  self: string;
  mode: Mode;
  cordoned: boolean;
  pausedMs: number;
  policyHash: string;
  memoryFreeMib: number;
  reserveMib: number;
  inflow: number;
  maxInflow: number;
  /** Names and UUIDs of VMs that this node knows, itself and by its view, but for the offered one. */
  names: ReadonlySet<string>;
  ownsVm: boolean;
  /** An offer of our own to the same peer is unanswered or running, and why it was made. */
  outgoing: { reason: string } | undefined;
  /** From judging the spec and its disks. */
  faults: string[];
};

/** What re-evaluating the rule on the offer's list gave; `missing`: a report of the list never came. */
export type Reevaluation = { decision: Decision; view: View } | { missing: string };

const no = (code: string, detail: string, numbers: Record<string, number> = {}): Verdict => ({
  ok: false,
  code,
  detail,
  numbers,
});

export function judgeOffer(
  offer: Offer,
  source: string,
  own: OwnTruth,
  again: Reevaluation | undefined,
): Verdict {
  const manual = offer.reason === 'manual' || offer.reason === 'drain';
  if (own.faults.length) return no('spec', own.faults.join('; '));
  if (own.ownsVm) return no('owned', 'this node owns a VM with that UUID');
  if (own.names.has(offer.spec.name)) return no('name', `another VM is called ${offer.spec.name}`);
  if (own.cordoned) return no('cordoned', 'this node is cordoned');
  if (own.pausedMs > 0 && !manual) return no('paused', 'moves are paused here', { pausedMs: own.pausedMs });
  if (own.mode !== 'auto' && !manual) return no('mode', `this node only ${own.mode}s`);
  const needMib = offer.spec.memoryMib + own.reserveMib;
  if (own.memoryFreeMib < needMib) {
    return no('fits-memory', `it needs ${needMib} MiB with the reserve, ${own.memoryFreeMib} MiB are free`, {
      needMib,
      freeMib: own.memoryFreeMib,
    });
  }
  if (own.inflow >= own.maxInflow) {
    return no('inflow', `${own.inflow} VMs are coming in already`, {
      inflow: own.inflow,
      max: own.maxInflow,
    });
  }
  if (own.outgoing && !goesFirst(offer.reason, own.outgoing.reason, source < own.self)) {
    return no('yield', 'this node has an offer of its own toward that node, which goes first');
  }
  if (manual) return { ok: true };
  if (offer.reason === 'consolidate' && offer.policyHash !== own.policyHash) {
    return no('policy-differs', 'the two nodes run different policies or parameters');
  }
  return offer.policyHash === own.policyHash ? judgeAgain(offer, source, own.self, again) : { ok: true };
}

/**
 * Which of two crossing offers survives. Both nodes must answer alike, and offers cross only where the two views
 * differ (on equal reports the rule elects one target), so nothing of the views may count: packing yields to every
 * other reason, and between equals the offer of the lower node id goes first.
 */
function goesFirst(theirs: string, ours: string, lowerId: boolean): boolean {
  const urgency = (reason: string) => (reason === 'consolidate' ? 0 : 1);
  return urgency(theirs) === urgency(ours) ? lowerId : urgency(theirs) > urgency(ours);
}

function judgeAgain(offer: Offer, source: string, self: string, again: Reevaluation | undefined): Verdict {
  if (!again) return no('basis', 'the offer names no reports that it was decided on');
  if ('missing' in again) return no('basis', `a report it was decided on is not here: ${again.missing}`);
  const { moves, refusals } = again.decision;
  const same = moves.some(m => m.vm === offer.spec.vm && m.from === source && m.to === self);
  if (same) return { ok: true };
  const why = refusals.find(r => r.vm === offer.spec.vm || r.node === self || r.vm === '')?.sentence;
  return no(
    'not-by-rule',
    `on the same reports this node's rule asks for no such move${why ? `: ${why}` : ''}`,
  );
}
