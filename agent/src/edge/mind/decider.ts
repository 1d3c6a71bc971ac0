/**
 * Once a second: the view to a decision, the decision to a frozen record, this node's own rows to offers. Everybody
 * works out the whole list; each carries out only the rows whose source it is (policy.md, Leaderless).
 */
import type { Decision, Move, View } from '@shoal/policies';
import type { Mode, ReportRef } from '@shoal/protocol';
import { type Held, type OwnHandoffs, ownRows } from '../../core/own-rows.ts';
import { Rests } from '../../core/rests.ts';
import type { ClusterView } from '../../core/view.ts';
import type { Time } from '../clock.ts';
import type { DecisionRecord } from '../http/api.types.ts';
import type { Logger } from '../log.ts';

export type OfferAnswer = { accepted: true } | { accepted: false; code: string; detail: string };

export type DeciderOptions = {
  self: string;
  rule: string;
  policyHash: string;
  cooldownMs: number;
  /** All numbers of the rule, for the record: with them a decision can be made again years later. */
  config: Readonly<Record<string, unknown>>;
};
export type DeciderDeps = {
  clusterView: ClusterView;
  decide(view: View): Decision;
  /** First 16 hex digits of a SHA-256. */
  digest(text: string): string;
  mode(): Mode;
  paused(): boolean;
  /** This node's handoffs as they are now. */
  own(): Omit<OwnHandoffs, 'restMs'>;
  offer(move: Move, relocation: string, basis: ReportRef[]): Promise<OfferAnswer>;
  keep(record: DecisionRecord): Promise<void>;
  clock: Time;
  log: Logger;
};

export class Decider {
  readonly #options: DeciderOptions;
  readonly #deps: DeciderDeps;
  readonly #rests: Rests;
  #latest: DecisionRecord | undefined;
  #keptSubstance = '';
  #offering = false;

  constructor(options: DeciderOptions, deps: DeciderDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#rests = new Rests(() => options.cooldownMs);
  }

  latest(): DecisionRecord | undefined {
    return this.#latest;
  }

  /**
   * One round. While an offer of the last round is unanswered there is none: its outcome is part of the inputs. Returns
   * without waiting for answers: a target that is gone takes seconds to be given up, and this node must go on reporting.
   */
  async tick(): Promise<void> {
    if (this.#offering) return;
    const { clusterView, clock, decide, own, mode } = this.#deps;
    const nowMs = clock.nowMs();
    const view = clusterView.view(nowMs);
    const basis = clusterView.basis(nowMs);
    const decision = decide(view);
    const restMs = (vm: string) => this.#rests.leftMs(vm, nowMs);
    const { go, held } = ownRows(decision.moves, this.#options.self, { ...own(), restMs });
    const action = this.#action(go.length, held.length);
    const record = this.#freeze(view, basis, decision, held, action);
    this.#offering = action === 'acted';
    try {
      await this.#keepIfNew(record);
    } catch (error) {
      this.#offering = false;
      throw error;
    }
    if (action !== 'acted') return;
    // A person may have said stop while the record was written.
    const stopped = mode() !== 'auto' || this.#deps.paused();
    void Promise.all(stopped ? [] : go.map(move => this.#offer(move, record))).finally(() => {
      this.#offering = false;
    });
  }

  #action(go: number, held: number): string {
    if (go === 0) return held > 0 ? 'held' : 'nothing';
    const mode = this.#deps.mode();
    if (mode === 'observe') return 'observed';
    if (mode === 'advise') return 'advised';
    return this.#deps.paused() ? 'paused' : 'acted';
  }

  #freeze(view: View, basis: ReportRef[], decision: Decision, held: Held[], action: string): DecisionRecord {
    const { rule, policyHash, config } = this.#options;
    const { digest, clock } = this.#deps;
    const viewDigest = digest(JSON.stringify(basis));
    const rows = decision.moves.map(m => [m.vm, m.from, m.to, m.reason]);
    const id = digest(JSON.stringify([rule, policyHash, basis, rows]));
    const atMs = clock.wallMs();
    const record = { id, atMs, rule, policyHash, config, viewDigest, basis, view, decision, held, action };
    this.#latest = record;
    return record;
  }

  /** A decision that says the same as the last one kept is not worth another row; every one that is acted on is. */
  async #keepIfNew(record: DecisionRecord): Promise<void> {
    const { moves, refusals } = record.decision;
    const substance = JSON.stringify([
      record.action,
      moves.map(m => [m.vm, m.to]),
      [...refusals, ...record.held].map(r => [r.code, r.vm, r.node]),
    ]);
    if (record.action !== 'acted' && substance === this.#keptSubstance) return;
    await this.#deps.keep(record);
    this.#keptSubstance = substance;
  }

  async #offer(move: Move, record: DecisionRecord): Promise<void> {
    const { log, clock, offer } = this.#deps;
    log.info({ vm: move.name, to: move.to, reason: move.reason, decision: record.id }, move.sentence);
    const answer = await offer(move, record.id, record.basis).catch(
      (error): OfferAnswer => ({ accepted: false, code: 'fault', detail: String(error?.message ?? error) }),
    );
    if (answer.accepted) {
      this.#rests.accepted(move.vm);
      return;
    }
    this.#rests.refused(move.vm, clock.nowMs());
    log.info({ vm: move.name, to: move.to, code: answer.code }, `offer refused: ${answer.detail}`);
  }
}
