import { Bad } from '../errors.ts';
import { dict, list, oneOf, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';
import { unique } from '../message.ts';
import { type HandoffHead, head } from './head.ts';
import type { Engine } from './load-report.ts';
import { type VmSpec, vmSpec } from './vm-spec.ts';

/** A report that a decision stood on. */
export type ReportRef = { node: string; incarnation: number; seq: number };

export type MoveReason = 'overload' | 'consolidate' | 'manual' | 'drain';

/** A source asks a peer to take a VM. */
export type Offer = HandoffHead & {
  type: 'offer';
  spec: VmSpec;
  /** Epoch that the target will hold. */
  epoch: number;
  engine: Engine;
  reason: MoveReason;
  /** Id of the relocation: hash of trigger and inputs; empty for a manual move. */
  relocation: string;
  /** The reports that it was decided on; empty for a manual move. */
  basis: ReportRef[];
  policyHash: string;
  /** Per file disk: the nonce that the source wrote beside the image, hex. */
  diskNonces: Record<string, string>;
  /** SHA-256 of the source's page-server certificate, hex. */
  certSha256: string;
};

const reportRef = struct<ReportRef>({ node: kind.peerId, incarnation: kind.positive, seq: kind.positive });

export const offer = {
  number: 10,
  name: 'offer',
  kind: struct<Omit<Offer, 'type'>>({
    ...head,
    spec: vmSpec,
    epoch: kind.positive,
    engine: kind.engine,
    reason: oneOf('overload', 'consolidate', 'manual', 'drain'),
    relocation: kind.hash16OrEmpty,
    basis: list(reportRef, limit.BASIS_MAX),
    policyHash: kind.hash16OrEmpty,
    diskNonces: dict(text(31), kind.hex(8, 64), limit.DISKS_MAX),
    certSha256: kind.sha256,
  }),
  relations(offer: Omit<Offer, 'type'>): void {
    const { spec } = offer;
    if (spec.vm !== offer.vm)
      throw new Bad('relation', 'spec.vm', `is not the VM ${offer.vm} of the handoff`);
    unique('spec.disks', spec.disks, d => d.id);
    unique('spec.nics', spec.nics, n => n.id);
    unique('spec.channels', spec.channels, c => c);
    unique('basis', offer.basis, r => r.node);
    for (const id of Object.keys(offer.diskNonces)) {
      if (!spec.disks.some(d => d.id === id && d.kind === 'file'))
        throw new Bad('relation', 'diskNonces', `has a nonce for ${id}, which is no file disk of the VM`);
    }
  },
} as const;
