/**
 * The target's own verdict on an offer, from its own truth (handoff.md, stage 1). Pure: what must be looked up
 * (disks, devices) is looked up before and comes in as faults. The rule is evaluated again on the offer's own list of
 * reports: a move that this node's rule would not ask for is refused (authority.md, Decisions).
 */
import { type Decision, judge, type Move, OWN_TRUTH, type ThresholdConfig, type View } from '@shoal/policies';
import { type Mode, type Offer, VMS_MAX } from '@shoal/protocol';
import { mustYield, type Outgoing } from './crossing.ts';

export type Verdict =
  | { ok: true }
  | { ok: false; code: string; detail: string; numbers: Record<string, number> };

export type OwnTruth = {
  self: string;
  mode: Mode;
  cordoned: boolean;
  /** It is about to sleep. */
  closed: boolean;
  pausedMs: number;
  policyHash: string;
  config: ThresholdConfig;
  memoryFreeMib: number;
  reserveMib: number;
  inflow: number;
  /** VMs that this node owns or has promised to take. */
  vms: number;
  /** It can be a target of post-copy: userfaultfd and preload are there. */
  postcopy: boolean;
  /** Names of VMs that this node knows, itself and by its view, but for the offered one. */
  names: ReadonlySet<string>;
  ownsVm: boolean;
  /** Name of a living node, neither source nor target, that says the VM is its own. */
  claimedBy: string | undefined;
  outgoing: readonly Outgoing[];
  /** From judging the spec and its disks. */
  faults: string[];
  /** The cluster as it is now, this node as it knows itself (`target-truth.ts`). */
  present: View;
};

/** What re-evaluating the rule on the offer's list gave; `missing`: a report of the list never came. */
export type Reevaluation = { decision: Decision; view: View } | { missing: string };

/** Numbers travel as integers from 0 on: an overcommitted node has no memory free, not less than none. */
const no = (code: string, detail: string, numbers: Record<string, number> = {}): Verdict => ({
  ok: false,
  code,
  detail,
  numbers: Object.fromEntries(Object.entries(numbers).map(([k, n]) => [k, Math.max(0, Math.round(n))])),
});

export function judgeOffer(
  offer: Offer,
  source: string,
  own: OwnTruth,
  again: Reevaluation | undefined,
): Verdict {
  const manual = offer.reason === 'manual' || offer.reason === 'drain';
  return (
    judgeVm(offer, own) ??
    judgeNode(own, manual) ??
    judgeRoom(offer, own) ??
    judgeCrossing(offer, source, own) ??
    (manual ? { ok: true } : judgeRule(offer, source, own, again))
  );
}

/** Is it a VM that this node may run at all, and the only one of its id and name? */
function judgeVm(offer: Offer, own: OwnTruth): Verdict | undefined {
  if (own.faults.length) return no('spec', own.faults.join('; '));
  if (own.ownsVm) return no('owned', 'this node owns a VM with that UUID');
  if (own.claimedBy !== undefined) return no('claimed', `${own.claimedBy} says that the VM is its own`);
  if (own.names.has(offer.spec.name)) return no('name', `another VM is called ${offer.spec.name}`);
  if (offer.engine !== 'precopy' && !own.postcopy)
    return no('engine', 'post-copy does not work on this node (see `shoal doctor` there)');
  if (offer.engine === 'qemu-postcopy' && offer.spec.driver !== 'qemu')
    return no('engine', 'only QEMU has a post-copy of its own');
  return undefined;
}

/** Does this node take any VM now? People may move by hand while the rule is paused or only watches. */
function judgeNode(own: OwnTruth, manual: boolean): Verdict | undefined {
  if (own.closed) return no('asleep', 'this node is about to sleep');
  if (own.cordoned) return no('cordoned', 'this node is cordoned');
  if (own.pausedMs > 0 && !manual) return no('paused', 'moves are paused here', { pausedMs: own.pausedMs });
  if (own.mode !== 'auto' && !manual) return no('mode', `this node only ${own.mode}s`);
  return undefined;
}

/** Has it room for this one? */
function judgeRoom(offer: Offer, own: OwnTruth): Verdict | undefined {
  const needMib = offer.spec.memoryMib + own.reserveMib;
  const freeMib = Math.max(0, own.memoryFreeMib);
  if (freeMib < needMib) {
    const detail = `it needs ${needMib} MiB with the reserve, ${freeMib} MiB are free`;
    return no('fits-memory', detail, { needMib, freeMib });
  }
  const { vms, inflow } = own;
  if (vms >= VMS_MAX)
    return no('full', `this node has ${vms} VMs, more than ${VMS_MAX} fit into a report`, { vms });
  const max = own.config.maxInflow;
  if (inflow >= max)
    return no('inflow', `${inflow} of ${max} VMs at a time are coming in already`, { inflow, max });
  return undefined;
}

function judgeCrossing(offer: Offer, source: string, own: OwnTruth): Verdict | undefined {
  const why = mustYield(offer.reason, source, own.self, own.outgoing);
  return why === undefined ? undefined : no('yield', why);
}

/** Does the rule ask for it, on the reports that it was decided on and on what this node knows of itself since? */
function judgeRule(offer: Offer, source: string, own: OwnTruth, again: Reevaluation | undefined): Verdict {
  const differs = offer.policyHash !== own.policyHash;
  // Out of an overload a VM may go to a node with other parameters, whose rule would not ask for the same.
  if (differs && offer.reason === 'consolidate')
    return no('policy-differs', 'the two nodes run different policies or parameters');
  const refused = differs ? undefined : judgeAgain(offer, source, own.self, again);
  if (refused) return refused;
  const [broken] = judge(own.present, own.config, [moveOf(offer, source, own.self)], OWN_TRUTH);
  return broken ? no(broken.code, broken.sentence, broken.numbers) : { ok: true };
}

function judgeAgain(
  offer: Offer,
  source: string,
  self: string,
  again: Reevaluation | undefined,
): Verdict | undefined {
  if (!again) return no('basis', 'the offer names no reports that it was decided on');
  if ('missing' in again) return no('basis', `a report it was decided on is not here: ${again.missing}`);
  const { moves, refusals } = again.decision;
  const { vm } = offer.spec;
  const asked = moves.find(m => m.vm === vm && m.from === source);
  if (asked?.to === self && asked.reason === offer.reason) return undefined;
  const instead = asked && `it asks for: ${asked.sentence}`;
  const why = instead ?? refusals.find(r => r.vm === vm || r.node === self || r.vm === '')?.sentence;
  return no(
    'not-by-rule',
    `on the same reports this node's rule asks for no such move${why ? `: ${why}` : ''}`,
  );
}

const moveOf = (offer: Offer, from: string, to: string): Move => ({
  vm: offer.spec.vm,
  name: offer.spec.name,
  from,
  to,
  reason: offer.reason === 'consolidate' ? 'consolidate' : 'overload',
  engine: offer.engine,
  projected: [],
  sentence: '',
});
