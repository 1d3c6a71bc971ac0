/**
 * A cluster for tests: agents whose reports come late now and then, in steps of a second, run through the rule, the
 * rows, the judge and the crossing rule as the agent wires them. What must hold in every second is asserted here.
 */
import { decide, isOverloaded, THRESHOLD_DEFAULTS, type View } from '@shoal/policies';
import type { LoadReport, Offer, ReportRef, VmLoad } from '@shoal/protocol';
import * as assert from 'uvu/assert';
import type { Outgoing } from './crossing.ts';
import { staysElected } from './election.ts';
import { judgeOffer } from './judge-offer.ts';
import { ownRows } from './own-rows.ts';
import { Rests } from './rests.ts';
import { type Relocation, targetTruth } from './target-truth.ts';
import { ClusterView } from './view.ts';

export const config = THRESHOLD_DEFAULTS;
const rule = (view: View) => decide(view, config);

/** mulberry32: the same seed gives the same cluster on any machine. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

export type Agent = {
  id: string;
  view: ClusterView;
  rests: Rests;
  vms: Map<string, number>;
  relocation: { id: string; atMs: number } | undefined;
  disturbedMs: number;
  elected: boolean;
  late: LoadReport[];
};
type Asked = {
  from: Agent;
  to: Agent;
  offer: Offer;
  basis: ReportRef[];
  answer: string;
};
type Made = { atMs: number; vm: string; from: string; to: string; relocation: string };

export class Cluster {
  readonly agents: Agent[];
  readonly made: Made[] = [];
  readonly #below: (n: number) => number;
  readonly #lateOneIn: number;
  #seq = 0;
  crossed = 0;
  disagreed = 0;

  constructor(seed: number, lateOneIn: number) {
    this.#lateOneIn = lateOneIn;
    this.#below = seeded(seed);
    let vms = 0;
    this.agents = Array.from({ length: 2 + this.#below(4) }, (_, i) => ({
      id: `n${i}`,
      view: new ClusterView({ self: `n${i}`, staleAfterMs: 3000, overloaded: r => isOverloaded(r, config) }),
      rests: new Rests(() => config.cooldownMs),
      vms: new Map(Array.from({ length: this.#below(4) }, () => [`v${vms++}`, this.#below(150)])),
      relocation: undefined,
      disturbedMs: -1e9,
      elected: false,
      late: [],
    }));
  }

  get nowMs(): number {
    return this.#seq * 1000;
  }

  /** Idle most of the time, so that packing is asked for; a burst now and then, so that it is undone. */
  stir(): void {
    for (const { vms } of this.agents)
      for (const vm of vms.keys()) {
        if (this.#below(12) === 0)
          vms.set(vm, this.#below(6) === 0 ? 500 + this.#below(500) : this.#below(150));
        else vms.set(vm, Math.max(0, (vms.get(vm) ?? 0) + this.#below(9) - 4));
      }
  }

  second(): void {
    this.#seq += 1;
    this.#gossip();
    const asked = this.agents.flatMap(a => this.#ask(a));
    assert.is(
      new Set(asked.map(a => a.offer.vm)).size,
      asked.length,
      'a VM is asked to move by one node only',
    );
    this.#countDisagreements();
    for (const reader of this.agents) if (this.#below(2) === 0) this.#hearLate(reader, () => true);
    for (const one of this.#shuffled(asked)) this.#judge(one, asked);
    this.#checkCrossings(asked);
    for (const one of asked) this.#settle(one);
  }

  #gossip(): void {
    for (const author of this.agents) {
      const report = this.#report(author);
      author.view.merge(report, this.nowMs);
      for (const reader of this.agents.filter(a => a !== author)) {
        this.#hearLate(reader, r => r.node === author.id);
        if (this.#below(this.#lateOneIn) === 0) reader.late.push(report);
        else reader.view.merge(report, this.nowMs);
      }
    }
  }

  /** A target waits a moment for a report that an offer stands on; mostly it comes. */
  #hearLate(reader: Agent, which: (r: LoadReport) => boolean): void {
    for (const late of reader.late.filter(which)) reader.view.merge(late, this.nowMs);
    reader.late = reader.late.filter(r => !which(r));
  }

  #report(a: Agent): LoadReport {
    const wanted = [...a.vms.values()].reduce((sum, cpu) => sum + cpu, 0);
    const share = Math.min(1, 1000 / Math.max(1, wanted));
    const load = (vm: string, cpu: number) =>
      ({
        ...{ vm, name: vm, epoch: 1, state: 'running', memoryMib: 64, migration: 'postcopy' },
        ...{ cpuMilli: Math.round(cpu * share), pinnedMs: 0, backoffMs: 0 },
      }) as VmLoad;
    const report = {
      ...{ node: a.id, name: a.id, incarnation: 1, seq: this.#seq, mode: 'auto', policyHash: 'p', cores: 1 },
      ...{ cordoned: false, pausedMs: 0, memoryMib: 4096, memoryFreeMib: 2048, handoffs: [], elected: false },
      cpuPermille: Math.min(1000, Math.round(wanted)),
      windowFull: this.nowMs - a.disturbedMs >= 10_000,
      sinceRelocationMs: a.relocation ? this.nowMs - a.relocation.atMs : -1,
      relocation: a.relocation?.id ?? '',
      vms: [...a.vms].map(([vm, cpu]) => load(vm, cpu)),
    } as unknown as LoadReport;
    a.elected = staysElected(a.elected, report, config.idlePermille);
    return { ...report, elected: a.elected };
  }

  #ask(from: Agent): Asked[] {
    const basis = from.view.basis(this.nowMs);
    const { moves } = rule(from.view.view(this.nowMs));
    const restMs = (vm: string) => from.rests.leftMs(vm, this.nowMs);
    const { go } = ownRows(moves, from.id, {
      inflow: 0,
      outgoing: [],
      maxOutflow: 2,
      moving: () => false,
      restMs,
    });
    const relocation = JSON.stringify([basis, moves.map(m => [m.vm, m.to])]);
    return go.map(move => {
      const to = this.agents.find(a => a.id === move.to) as Agent;
      const spec = { vm: move.vm, name: move.vm, memoryMib: 64, labels: {} };
      const offer = {
        vm: move.vm,
        spec,
        reason: move.reason,
        engine: 'postcopy',
        policyHash: 'p',
        relocation,
      };
      return { from, to, offer: offer as unknown as Offer, basis, answer: '' };
    });
  }

  #judge(one: Asked, asked: Asked[]): void {
    const { from, to, offer } = one;
    const again = to.view.viewOf(one.basis, this.nowMs);
    const own = asked.filter(a => a.from === to && (a.answer === '' || a.answer === 'ok'));
    const outgoing = own.map((a): Outgoing => {
      return { peer: a.to.id, reason: a.offer.reason, accepted: a.answer === 'ok' };
    });
    const relocations = new Map<string, Relocation>(
      to.view.reports(this.nowMs).map(({ report: r, ageMs }) => {
        return [r.node, { id: r.relocation, sinceMs: r.sinceRelocationMs + ageMs }];
      }),
    );
    if (to.relocation)
      relocations.set(to.id, { id: to.relocation.id, sinceMs: this.nowMs - to.relocation.atMs });
    const verdict = judgeOffer(
      offer,
      from.id,
      {
        ...{
          self: to.id,
          mode: 'auto',
          cordoned: false,
          closed: false,
          pausedMs: 0,
          policyHash: 'p',
          config,
          reserveMib: 0,
        },
        ...{
          memoryFreeMib: 2048,
          vms: to.vms.size,
          postcopy: true,
          names: new Set(),
          ownsVm: false,
          faults: [],
        },
        claimedBy: undefined,
        inflow: asked.filter(a => a.to === to && a.answer === 'ok').length,
        outgoing,
        present: targetTruth(to.view.view(this.nowMs), offer, from.id, { labels: new Map(), relocations }),
      },
      'view' in again ? { view: again.view, decision: rule(again.view) } : { missing: again.missing.node },
    );
    one.answer = verdict.ok ? 'ok' : verdict.code;
    if (!verdict.ok) return;
    if (offer.reason === 'consolidate') to.elected = true;
    // The source learns of it with the answer, after it has judged what crossed its offer.
    to.relocation = { id: offer.relocation, atMs: this.nowMs };
  }

  #checkCrossings(asked: Asked[]): void {
    for (const a of asked) {
      const b = asked.find(x => x.from === a.to && x.to === a.from && x.from.id < x.to.id);
      if (!b) continue;
      this.crossed += 1;
      const both = [a.answer, b.answer];
      if (a.offer.reason === 'consolidate' && b.offer.reason === 'consolidate')
        assert.ok(both.filter(x => x === 'ok').length <= 1, `two VMs swapped: ${both}`);
      assert.ok(both.filter(x => x === 'yield').length <= 1, 'of two that cross one goes first');
    }
  }

  #settle({ from, to, offer, answer }: Asked): void {
    if (answer !== 'ok') {
      from.rests.refused(offer.vm, this.nowMs);
      return;
    }
    from.rests.accepted(offer.vm);
    from.relocation = { id: offer.relocation, atMs: this.nowMs };
    to.vms.set(offer.vm, from.vms.get(offer.vm) ?? 0);
    from.vms.delete(offer.vm);
    for (const a of [from, to]) a.disturbedMs = this.nowMs;
    const { vm, relocation } = offer;
    this.made.push({ atMs: this.nowMs, vm, from: from.id, to: to.id, relocation });
  }

  #countDisagreements(): void {
    const lists = this.agents.map(a =>
      JSON.stringify(rule(a.view.view(this.nowMs)).moves.map(m => [m.vm, m.to])),
    );
    if (new Set(lists).size > 1) this.disagreed += 1;
  }

  #shuffled<T>(all: T[]): T[] {
    return all
      .map(one => ({ one, at: this.#below(1e6) }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  }
}
