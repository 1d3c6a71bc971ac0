/** The handoffs that this node takes part in now, and what follows from them: reads only, no effects. */
import type { HandoffLoad } from '@shoal/protocol';
import type { Outgoing } from '../../core/crossing.ts';
import type { OwnHandoffs } from '../../core/own-rows.ts';
import type { HandoffStatus } from '../http/api.types.ts';
import type { SourceParty } from './source-party.ts';
import { TargetParty } from './target-party.ts';
import { handoffStatus } from './timeline.ts';

export type AnyParty = SourceParty | TargetParty;

export type PartiesDeps = {
  self: string;
  nowMs(): number;
  nameOf(peer: string): string;
  /** Whether this node has that VM already. */
  owns(vm: string): boolean;
};

export class Parties extends Map<string, AnyParty> {
  readonly #deps: PartiesDeps;
  /** Handoffs whose end is settled here; their party only waits for the peer's last word. */
  readonly settled = new Set<string>();
  /** Of them, those that an earlier life of the agent has settled: how they ended is on the shelf of the past. */
  readonly #talked = new Set<string>();

  constructor(deps: PartiesDeps) {
    super();
    this.#deps = deps;
  }

  /** Under way on this side, its clearing up included. */
  live(): AnyParty[] {
    return [...this.values()].filter(p => !this.#isOver(p));
  }

  /** The peer's last word may come before this side has cleared up; only that counts. */
  #isOver(party: AnyParty): boolean {
    return this.settled.has(party.handoff);
  }

  /** Live ones that this node has said yes to. */
  #accepted(): AnyParty[] {
    return this.live().filter(p => p.state !== 'judging');
  }

  /** True until everything about the VM is settled here: its records too, not only its guest. */
  inHandoff(vm: string): boolean {
    return [...this.values()].some(p => p.vm === vm && p.state !== 'judging' && !this.settled.has(p.handoff));
  }

  inflow(): number {
    return this.#accepted().filter(p => p.role === 'target').length;
  }

  /** Handoffs with that peer, or with any, that have ended here, and of which it has never said that it knows. */
  unacknowledged(peer?: string): number {
    const open = [...this.values()].filter(p => this.#isOver(p) && !p.ended);
    return open.filter(p => peer === undefined || p.entry.peer === peer).length;
  }

  /** Handoffs away from this node that have not ended, offers among them. */
  outgoing(): Outgoing[] {
    const sources = this.live().filter(p => p.role === 'source');
    return sources.map(p => ({
      peer: p.entry.peer,
      reason: p.entry.offer.reason,
      accepted: p.state !== 'offered',
    }));
  }

  /** What a decider must know before it offers anything. */
  own(): Pick<OwnHandoffs, 'inflow' | 'outgoing' | 'moving'> {
    return { inflow: this.inflow(), outgoing: this.outgoing(), moving: vm => this.inHandoff(vm) };
  }

  /** VMs that this node has promised to take and does not own yet, and their memory, MiB. */
  promised(): number {
    return this.#pending().length;
  }

  reservedMib(): number {
    return this.#pending().reduce((sum, p) => sum + p.entry.offer.spec.memoryMib, 0);
  }

  #pending(): AnyParty[] {
    return this.live().filter(p => p instanceof TargetParty && p.reserved && !this.#deps.owns(p.vm));
  }

  /** As a load report carries them. */
  loads(): HandoffLoad[] {
    return this.#accepted().map(p => ({
      handoff: p.handoff,
      vm: p.vm,
      role: p.role,
      peer: p.entry.peer,
      engine: p.entry.offer.engine,
      stage: stage(p),
      ageMs: Math.round(p.stateAgeMs),
      inDoubt: p.inDoubt,
    }));
  }

  /** It was settled before this life of the agent, and is only talked about. */
  onlyTalks(handoff: string): void {
    this.settled.add(handoff);
    this.#talked.add(handoff);
  }

  override delete(handoff: string): boolean {
    this.#talked.delete(handoff);
    return super.delete(handoff);
  }

  running(): HandoffStatus[] {
    return this.#accepted().map(p => this.status(p));
  }

  /** Ended a moment ago, newest first. */
  over(): HandoffStatus[] {
    const over = [...this.values()].filter(
      p => this.#isOver(p) && p.timeline.outcome !== '' && !this.#talked.has(p.handoff),
    );
    return over.reverse().map(p => this.status(p));
  }

  /** One that runs or has ended a moment ago. */
  shown(handoff: string): HandoffStatus | undefined {
    const party = this.#talked.has(handoff) ? undefined : this.get(handoff);
    const isShown =
      party && (this.#isOver(party) ? party.timeline.outcome !== '' : party.state !== 'judging');
    return isShown ? this.status(party) : undefined;
  }

  status(party: AnyParty): HandoffStatus {
    const { self, nowMs, nameOf } = this.#deps;
    const here = { self, nowMs: nowMs(), nameOf };
    const status = handoffStatus(party.entry, stage(party), party.inDoubt, party.timeline, here);
    // "done" before the VM is off the books here would invite a move back that is refused.
    return this.#isOver(party) ? status : { ...status, outcome: '' };
  }
}

function stage(party: AnyParty): string {
  const { record, role } = party;
  return record === 'none' ? (role === 'source' ? 'offered' : 'judging') : record;
}
