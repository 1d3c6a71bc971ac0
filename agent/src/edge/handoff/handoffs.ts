/** All handoffs of this node: offers made, offers judged, messages to their party, recovery after a restart. */
import { decodeHandoff, type HandoffMessage, type Offer } from '@shoal/protocol';
import { mustYield } from '../../core/crossing.ts';
import { strangerAnswer } from '../../core/handoff/answers.ts';
import { sourceMachine, targetMachine } from '../../core/handoff/machines.ts';
import { holdsAfterReboot } from '../../core/handoff/recover.ts';
import type { Verdict } from '../../core/judge-offer.ts';
import { Rates } from '../../core/rate.ts';
import { every } from '../clock.ts';
import type { HandoffStatus } from '../http/api.types.ts';
import type { OfferAnswer } from '../mind/decider.ts';
import type { Records } from '../store/records.ts';
import { withFigures } from './figures.ts';
import type { JournalEntry } from './journal.ts';
import { Judging } from './judging.ts';
import { makeOffer, type OfferRequest } from './make-offer.ts';
import { type AnyParty, Parties } from './parties.ts';
import { rewrite } from './rewrite.ts';
import { type SourceDeps, type SourceOptions, SourceParty } from './source-party.ts';
import type { TargetDeps, TargetOptions } from './target-deps.ts';
import { TargetParty } from './target-party.ts';

export type HandoffsOptions = SourceOptions &
  TargetOptions & { self: string; policyHash: string; bootId: string; incarnation: number };

export type HandoffsDeps = Omit<SourceDeps & TargetDeps, 'answered' | 'finished'> & {
  judge(offer: Offer, source: string): Promise<Verdict>;
  nameOf(peer: string): string;
  past: Records<HandoffStatus>;
  /** A fresh UUID. */
  newId(): string;
  /** A handoff has ended on this node. */
  ended(status: HandoffStatus): void;
};

export type Answered = OfferAnswer & { handoff: string };

export class Handoffs {
  readonly #options: HandoffsOptions;
  readonly #deps: HandoffsDeps;
  readonly parties: Parties;
  readonly #judging: Judging;
  readonly #lines = new Rates(LINES.burst, LINES.perSecond);

  constructor(options: HandoffsOptions, deps: HandoffsDeps) {
    this.#options = options;
    this.#deps = deps;
    const owns = (vm: string) => deps.vms.get(vm) !== undefined;
    const nowMs = () => deps.clock.nowMs();
    this.parties = new Parties({ self: options.self, nowMs, nameOf: deps.nameOf, owns });
    this.#judging = new Judging(deps);
  }

  /** Resolves once the target has accepted or refused, or was silent. */
  async offer(request: OfferRequest): Promise<Answered> {
    const { host, pageServers, words, newId } = this.#deps;
    const handoff = newId();
    if (this.parties.inHandoff(request.spec.vm))
      return { accepted: false, code: 'moving', detail: 'a handoff of this VM is running', handoff };
    let paths: Awaited<ReturnType<typeof pageServers.init>>;
    let diskNonces: Record<string, string>;
    try {
      paths = await pageServers.init(handoff);
      diskNonces = await host.writeDiskNonces(request.spec);
    } catch (error) {
      await pageServers.remove(handoff);
      return { accepted: false, code: 'source', detail: (error as Error).message, handoff };
    }
    // Looked at once more after all that took time: a packing toward this node may have been accepted meanwhile.
    if (request.reason === 'consolidate' && this.parties.inflow() > 0) {
      await pageServers.remove(handoff);
      return { accepted: false, code: 'yield', detail: 'a VM is on its way to this node', handoff };
    }
    const { incarnation, policyHash, offerTimeoutMs } = this.#options;
    const peerIncarnation = words.incarnationOf(request.target);
    const from = { handoff, incarnation, peerIncarnation, policyHash, deadlineMs: offerTimeoutMs };
    const offer = makeOffer(request, { ...from, diskNonces, certSha256: paths.certSha256 });
    return new Promise(resolve => {
      const answered: SourceDeps['answered'] = result => resolve({ ...result, handoff });
      const entry = this.#entry('source', request.target, offer);
      const party = this.#makeSource('offered', entry, answered, request.wishes);
      party.take(paths);
      party.timeline.mark('decided', request.decidedAtMs);
      this.parties.set(handoff, party);
      party.offer();
      this.#deps.changed();
    });
  }

  #entry(role: 'source' | 'target', peer: string, offer: Offer): Omit<JournalEntry, 'record' | 'seq'> {
    return { handoff: offer.handoff, role, peer, offer, bootId: this.#options.bootId, session: undefined };
  }

  #makeSource(
    state: ConstructorParameters<typeof SourceParty>[0],
    entry: Omit<JournalEntry, 'record' | 'seq'>,
    answered: SourceDeps['answered'],
    wishes: OfferRequest['wishes'] = {},
  ): SourceParty {
    const finished = () => this.#finished(entry.handoff);
    return new SourceParty(state, entry, this.#options, { ...this.#deps, ...wishes, answered, finished });
  }

  #makeTarget(
    state: ConstructorParameters<typeof TargetParty>[0],
    entry: Omit<JournalEntry, 'record' | 'seq'>,
  ): TargetParty {
    const finished = () => this.#finished(entry.handoff);
    return new TargetParty(state, entry, this.#options, { ...this.#deps, finished });
  }

  /** One frame of an allowed peer. A frame that is not a message, or not this peer's to say, changes nothing. */
  hear(peer: string, frame: Uint8Array): void {
    const decoded = decodeHandoff(frame);
    if (!decoded.ok)
      return this.#told(peer, { fault: decoded.fault }, 'frame refused: not a handoff message');
    const message = decoded.value;
    const { words } = this.#deps;
    words.heard(peer, message.incarnation);
    const late = words.late(message, peer);
    const party = this.parties.get(message.handoff);
    if (party && (party.entry.peer !== peer || party.vm !== message.vm)) {
      const { handoff } = message;
      return this.#told(peer, { handoff }, 'message refused: that handoff is not with this peer');
    }
    if (party && !party.ended) {
      if (late) party.tell();
      else party.heard(message);
    } else if (message.type === 'offer' && !late) this.#judge(peer, message);
    else if (message.type === 'offer')
      words.say(peer, message.handoff, message.vm, { type: 'refuse', ...RESTARTED });
    else this.#answerUnknown(peer, message);
  }

  #told(peer: string, what: Record<string, unknown>, text: string, level: 'info' | 'warn' = 'warn'): void {
    const { clock, log } = this.#deps;
    if (this.#lines.take(`${peer} ${text} ${what.code}`, clock.nowMs())) log[level]({ peer, ...what }, text);
  }

  #judge(peer: string, offer: Offer): void {
    if (this.parties.has(offer.handoff)) return; // offered twice: the first one is being judged or was refused
    const { handoff, vm, deadlineMs } = offer;
    const { clock, words, judge } = this.#deps;
    const full = this.#judging.full(peer, this.parties.unacknowledged(peer));
    if (full) {
      const { code, detail, numbers } = full;
      this.#told(peer, { code, detail }, 'offer of a peer refused', 'info');
      return words.say(peer, handoff, vm, { type: 'refuse', code, detail, numbers });
    }
    const party = this.#makeTarget('judging', this.#entry('target', peer, offer));
    party.reserved = false;
    this.parties.set(handoff, party);
    const untilMs = clock.nowMs() + deadlineMs;
    const late = () => clock.nowMs() > untilMs;
    const judged = (verdict: Verdict) => {
      const last = verdict.ok ? this.#stillFree(offer, peer) : verdict;
      if (!last.ok) {
        const { code, detail } = last;
        this.#told(peer, { handoff, vm, code, detail }, 'offer of a peer refused', 'info');
      }
      party.reserved = last.ok;
      party.judged(last);
    };
    this.#judging.add(peer, late, () => judge(offer, peer), judged);
  }

  /** Looked at right before the yes: what came between the verdict and now. */
  #stillFree({ reason, spec }: Offer, peer: string): Verdict {
    const moving = 'another handoff of this VM is not cleared up here';
    if (this.parties.inHandoff(spec.vm)) return { ok: false, code: 'moving', detail: moving, numbers: {} };
    // An offer of our own may have gone out; of two that cross one must yield.
    const why = mustYield(reason, peer, this.#options.self, this.parties.outgoing());
    return why === undefined ? { ok: true } : { ok: false, code: 'yield', detail: why, numbers: {} };
  }

  /** About a handoff that this node never had, or that both sides have ended: never a word that could be believed wrongly. */
  #answerUnknown(peer: string, message: HandoffMessage): void {
    const { words } = this.#deps;
    const { type, handoff, vm } = message;
    const answer = strangerAnswer(type);
    if (answer === 'abort')
      words.say(peer, handoff, vm, { type: 'abort', reason: 'no such handoff is under way here' });
    else if (answer === 'no-record')
      words.say(peer, handoff, vm, {
        type: 'record',
        role: type === 'run' ? 'target' : 'source',
        state: 'none',
      });
  }

  /** Takes up what the journal holds. Resolves when every newest record was written again; nothing is said before. */
  async recover(): Promise<void> {
    const entries = await this.#deps.journal.all();
    // Offers that this node's last life had out have no record, and their keys no use.
    await this.#deps.pageServers.keepOnly(entries.map(e => e.handoff));
    for (const entry of entries) {
      await rewrite(this.#deps.journal, entry, this.#deps);
      const rebooted = entry.bootId !== this.#options.bootId;
      // What both sides have not acknowledged as ended may have been resolved by the peer while this node was off: each
      // such handoff asks, and the VM starts when none is left that has not been answered.
      const asks = rebooted && this.#owns(entry) && holdsAfterReboot(entry.role, entry.record);
      if (entry.settled && !asks) this.#talkAbout(entry);
      else await this.#takeUp(entry, rebooted);
    }
  }

  #owns({ offer }: JournalEntry): boolean {
    return this.#deps.vms.get(offer.spec.vm) !== undefined;
  }

  async #takeUp({ record, seq, settled, ...read }: JournalEntry, rebooted: boolean): Promise<void> {
    const { handoff, role, offer } = read;
    // What is written from now on is written in this boot.
    const rest = { ...read, bootId: this.#options.bootId, ...(settled && { gained: settled }) };
    if (role === 'source') {
      const { state, effects } = sourceMachine(offer.engine).recover(record, rebooted);
      const party = this.#makeSource(state, rest, () => undefined);
      this.parties.set(handoff, party);
      party.resume(record, seq, effects);
      party.missingVmm();
    } else {
      const { state, effects } = targetMachine(offer.engine).recover(record, rebooted);
      const party = this.#makeTarget(state, rest);
      this.parties.set(handoff, party);
      const { vms, host } = this.#deps;
      party.adopted(vms.get(offer.spec.vm)?.vmm ?? (await host.adopt(offer.spec)));
      party.resume(record, seq, effects);
      party.missingVmm();
    }
    this.#deps.log.info({ handoff, role, record, rebooted }, 'handoff taken up again');
  }

  /** All is done here; only the peer has not said that it knows. No guest, page server or record of a VM is touched. */
  #talkAbout({ record, seq, ...rest }: JournalEntry): void {
    const party =
      rest.role === 'source'
        ? this.#makeSource(record as 'released' | 'aborted' | 'retaken' | 'resolved', rest, () => undefined)
        : this.#makeTarget(record as 'transferred' | 'not-run' | 'resolved' | 'yielded', rest);
    this.parties.set(rest.handoff, party);
    party.resume(record, seq, []);
    this.parties.onlyTalks(rest.handoff);
    this.#dropWhenEnded(party);
  }

  #finished(handoff: string): void {
    const party = this.parties.get(handoff);
    if (!party || this.parties.settled.has(handoff)) return;
    this.parties.settled.add(handoff);
    const status = this.parties.status(party);
    this.#deps.ended(status);
    this.#judging.over(party.entry.peer, status);
    const { past, vms, log } = this.#deps;
    const free = this.parties.inHandoff(party.vm) ? undefined : vms.settled(party.vm);
    // What was refused here is the source's to keep: a stranger to the truth could fill this disk with offers.
    const refused = party.role === 'target' && status.outcome === 'refused';
    Promise.all([refused ? undefined : past.add(status), free]).catch(error =>
      log.error({ handoff, error: String(error) }, 'ended handoff not kept, or its VM not seen to'),
    );
    this.#dropWhenEnded(party);
    this.#deps.changed();
  }

  #dropWhenEnded(party: AnyParty): void {
    const look = () => {
      if (!party.ended || party.busy) return;
      drop();
      this.parties.delete(party.handoff);
      this.parties.settled.delete(party.handoff);
      void party.stop();
    };
    const drop = every(this.#deps.clock, FORGET_LOOK_MS, look, 'idle');
  }

  /** Newest first; running ones before ended ones. */
  async list(limit: number): Promise<HandoffStatus[]> {
    const past = await this.#deps.past.last(limit);
    // Those that have just ended may not be on the shelf yet.
    const here = [...this.parties.running(), ...this.parties.over()];
    const ended = past.filter(e => !here.some(h => h.handoff === e.handoff)).map(withFigures);
    return [...here, ...ended].slice(0, limit);
  }

  /** Gives up the handoff of that VM where this node still may decide so. False when there is none. */
  cancel(vm: string): boolean {
    const party = this.parties.live().find(p => p.vm === vm);
    party?.cancel();
    return party !== undefined;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.parties.values()].map(p => p.stop()));
  }
}

/** Per peer and kind: what a member sends wrongly is told of, but cannot fill the log. */
const LINES = { burst: 20, perSecond: 1 };
/** Refused at once instead of by silence: the source may offer again. */
const RESTARTED = { code: 'restarted', detail: 'its agent has just been restarted', numbers: {} };
/** A party is kept until both sides have said that they ended; looked at seldom, since it only frees memory. */
const FORGET_LOOK_MS = 5000;
