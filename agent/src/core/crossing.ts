/**
 * Offers that cross: two loads that fall together make A offer its VMs to B while B offers its to A. Both nodes must
 * answer alike, and offers cross only where the two views differ (on equal reports the rule elects one target), so
 * nothing of the views may count (docs/decisions/0005-crossing-offers.md).
 */

/** A handoff away from this node that has not ended: to whom, why, and whether the peer has said yes. */
export type Outgoing = { peer: string; reason: string; accepted: boolean };

/** Why this node must refuse the offer `reason` of `source` for the sake of its own offers, or undefined. */
export function mustYield(
  reason: string,
  source: string,
  self: string,
  outgoing: readonly Outgoing[],
): string | undefined {
  const crossing = outgoing.find(o => o.peer === source);
  if (crossing && !crossing.accepted && !goesFirst(reason, crossing.reason, source < self))
    return 'this node has an offer of its own toward that node, which goes first';
  if (reason !== 'consolidate') return undefined;
  if (crossing?.accepted) return 'a VM of this node is on its way to that node';
  // Three nodes could otherwise pack themselves around in a circle.
  if (outgoing.some(o => o.reason === 'consolidate' && o.peer !== source))
    return 'this node is being packed away itself';
  return undefined;
}

/** Packing yields to every other reason; between equals the offer of the lower node id goes first. */
function goesFirst(theirs: string, ours: string, lowerId: boolean): boolean {
  const urgency = (reason: string) => (reason === 'consolidate' ? 0 : 1);
  return urgency(theirs) === urgency(ours) ? lowerId : urgency(theirs) > urgency(ours);
}
