/** An offer from what a decider or a person asks for, and what this node adds. Pure. */
import type { Engine, MoveReason, Offer, ReportRef, VmSpec } from '@shoal/protocol';
import type { PageWishes } from '../pages/types.ts';

export type OfferRequest = {
  spec: VmSpec;
  /** The VM's present epoch; the offer is for the next one. */
  epoch: number;
  target: string;
  engine: Engine;
  /** Stay on this node. */
  wishes?: PageWishes | undefined;
  reason: MoveReason;
  relocation: string;
  basis: ReportRef[];
  decidedAtMs: number;
};

export type OfferAdds = Pick<
  Offer,
  'handoff' | 'incarnation' | 'peerIncarnation' | 'deadlineMs' | 'policyHash' | 'diskNonces' | 'certSha256'
>;

export function makeOffer(request: OfferRequest, adds: OfferAdds): Offer {
  const { spec, epoch, engine, reason, relocation, basis } = request;
  return { type: 'offer', vm: spec.vm, spec, epoch: epoch + 1, engine, reason, relocation, basis, ...adds };
}
