/**
 * Once a second: the view to a decision, the decision to a frozen record, this node's own rows to offers. Everybody
 * works out the whole list; each carries out only the rows whose source it is (policy.md, Leaderless).
 */
import type { Decision, Move, View } from '@shoal/policies';
import type { Mode, ReportRef } from '@shoal/protocol';
import { Rests } from '../../core/rests.ts';
import type { ClusterView } from '../../core/view.ts';
import type { Clock } from '../clock.ts';
import type { DecisionRecord } from '../http/api.types.ts';
import type { Logger } from '../log.ts';

export type OfferAnswer = { accepted: true } | { accepted: false; code: string; detail: string };

export type DeciderOptions = { self: string; rule: string; policyHash: string; cooldownMs: number };
export type DeciderDeps = {
  clusterView: ClusterView;
  decide(view: View): Decision;
  /** First 16 hex digits of a SHA-256. */
  digest(text: string): string;
  mode(): Mode;
  paused(): boolean;
  offer(move: Move, relocation: string, basis: ReportRef[]): Promise<OfferAnswer>;
  keep(record: DecisionRecord): Promise<void>;
  clock: Clock;
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
    this.#rests = new Rests(options.cooldownMs);
  }

  latest(): DecisionRecord | undefined {
    return this.#latest;
  }

  /** One round. While an offer of the last round is unanswered there is none: its outcome is part of the inputs. */
  async tick(): Promise<void> {
    if (this.#offering) return;
    const { clusterView, clock, mode, paused } = this.#deps;
    const view = clusterView.view(clock.nowMs());
    const basis = clusterView.basis();
    const decision = this.#deps.decide(view);
    const own = decision.moves.filter(m => m.from === this.#options.self && this.#mayAsk(m.vm));
    const act = own.length > 0 && mode() === 'auto' && !paused();
    const record = this.#freeze(view, basis, decision, actionWord(own.length, act, mode()));
    await this.#keepIfNew(record);
    if (!act) return;
    this.#offering = true;
    try {
      await Promise.all(own.map(move => this.#offer(move, record)));
    } finally {
      this.#offering = false;
    }
  }

  #mayAsk(vm: string): boolean {
    return this.#rests.leftMs(vm, this.#deps.clock.nowMs()) === 0;
  }

  #freeze(view: View, basis: ReportRef[], decision: Decision, action: string): DecisionRecord {
    const { rule, policyHash } = this.#options;
    const viewDigest = this.#deps.digest(JSON.stringify(basis));
    const id = this.#deps.digest(
      JSON.stringify([rule, policyHash, basis, decision.moves.map(m => [m.vm, m.to])]),
    );
    const atMs = this.#deps.clock.wallMs();
    const record = { id, atMs, rule, policyHash, viewDigest, basis, view, decision, action };
    this.#latest = record;
    return record;
  }

  /** A decision that says the same as the last one kept is not worth another row; every move is. */
  async #keepIfNew(record: DecisionRecord): Promise<void> {
    const { moves, refusals } = record.decision;
    const substance = JSON.stringify([
      record.action,
      moves.map(m => m.vm),
      refusals.map(r => [r.code, r.vm, r.node]),
    ]);
    if (moves.length === 0 && substance === this.#keptSubstance) return;
    this.#keptSubstance = substance;
    await this.#deps.keep(record);
  }

  async #offer(move: Move, record: DecisionRecord): Promise<void> {
    const { log, clock } = this.#deps;
    log.info({ vm: move.name, to: move.to, reason: move.reason, decision: record.id }, move.sentence);
    const answer = await this.#deps.offer(move, record.id, record.basis);
    if (answer.accepted) {
      this.#rests.accepted(move.vm);
      return;
    }
    this.#rests.refused(move.vm, clock.nowMs());
    log.info({ vm: move.name, to: move.to, code: answer.code }, `offer refused: ${answer.detail}`);
  }
}

function actionWord(own: number, act: boolean, mode: Mode): string {
  if (own === 0) return 'nothing';
  if (act) return 'acted';
  return mode === 'advise' ? 'advised' : 'observed';
}
