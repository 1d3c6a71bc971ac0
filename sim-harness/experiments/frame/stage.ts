/** A lab with guests on it, looked at while a load runs: what every experiment shares. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import { clock } from '@shoal/agent/edge/clock';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { watchOthers } from '../../bench/others.ts';
import type { GuestPort } from '../../lab/guest-port.ts';
import { bringUp, type Lab, type VmWish } from '../../lab/index.ts';
import type { StagedLab } from './arms.ts';
import { type Keeping, keepBallast } from './ballast.ts';
import { type Follow, movesOf, since } from './moves.ts';
import { type OthersWatch, watchInWindows } from './others.ts';
import { seriesOf } from './series.ts';
import type { Measured } from './types.ts';
import { Waits } from './waits.ts';

/** `filledMib`: of its memory, with noise. */
export type VmPlan = VmWish & { node: string; filledMib: number };

/** Longer than any boot, which the rule would take for an overload. */
const PAUSE_MS = 600_000;
/** Beyond a window of the rule: it sees the load, not the boot. */
const SETTLE_MS = 2000;
const LOOK_EVERY_MS = 500;
const MOVE_MAX_MS = 300_000;
const HANDOFFS = 500;
/** Nothing is measured any more. */
const CHECK_PERCENT = 100;

export class Stage {
  readonly lab: Lab;
  readonly waits: Waits;
  readonly #guests: Map<string, GuestPort>;
  #begun = { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
  #others: OthersWatch | undefined;

  constructor(lab: Lab, guests: Map<string, GuestPort>) {
    this.lab = lab;
    this.#guests = guests;
    this.waits = new Waits([...guests.values()].map(guest => guest.vm));
  }

  /** The load begins, and all times count from now. `alsoMs`: CPU so far of what is neither a node's nor others'. */
  begin(alsoMs: () => number = () => 0): void {
    this.#begun = { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
    this.#others = watchInWindows(() => watchOthers(this.lab, alsoMs));
  }

  guest(name: string): GuestPort {
    const guest = this.#guests.get(name);
    if (!guest) throw new Error(`assertion failed: no guest ${name}`);
    return guest;
  }

  /** Since the load began. */
  get atMs(): number {
    return clock.nowMs() - this.#begun.nowMs;
  }

  async until(atMs: number): Promise<void> {
    await sleep(Math.max(0, atMs - this.atMs));
  }

  /** Until all VMs are on one node and no move is under way, or until `atMs`. */
  async packed(atMs: number): Promise<void> {
    while (this.atMs < atMs) {
      const { places, moving } = await this.#look();
      if (places === 1 && moving === 0) return;
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Until no move is under way; the rule begins none meanwhile. */
  async settled(): Promise<void> {
    await this.lab.node('node0').post('/v1/mesh/actions/pause', { ttlMs: PAUSE_MS });
    for (const untilMs = this.atMs + MOVE_MAX_MS; this.atMs < untilMs; await sleep(LOOK_EVERY_MS))
      if ((await this.#look()).moving === 0) return;
    throw new ShoalError(
      'SHOAL_EXPERIMENT_MOVE',
      `a move took longer than ${MOVE_MAX_MS} ms`,
      this.lab.dir,
      '',
    );
  }

  async #look(): Promise<{ places: number; moving: number }> {
    const all = await Promise.all(this.lab.nodes.map(node => node.get<ClusterStatus>('/v1/status')));
    const places = new Set(all[0]?.vms.map(vm => vm.node)).size;
    return { places, moving: all.reduce((sum, status) => sum + status.handoffs.length, 0) };
  }

  /** Nothing is looked at any more. */
  stop(): void {
    this.waits.stop();
    this.#others?.stop();
  }

  /** Ends the watch; then every guest that moved checks all its memory. */
  async end(figures: (seen: Seen) => Record<string, number>): Promise<Measured> {
    if (!this.#others) throw new Error('assertion failed: the load has begun');
    const others = this.#others.stop();
    const endMs = this.atMs;
    const { list, handoffs } = await this.#moves();
    const series = await seriesOf(this.lab, this.#begun.wallMs, endMs);
    const bad = new Map<string, number>();
    for (const name of new Set(list.map(move => move.vm)))
      bad.set(name, await this.guest(name).verify(CHECK_PERCENT));
    const moves = list.map(move => ({ ...move, badPages: bad.get(move.vm) ?? -1 }));
    const badPages = [...bad.values()].reduce((sum, pages) => sum + pages, 0);
    return { figures: figures({ series, moves, handoffs, endMs }), series, moves, badPages, others };
  }

  async #moves(): Promise<{ list: ReturnType<typeof movesOf>; handoffs: Follow[] }> {
    const lists = await Promise.all(
      this.lab.nodes.map(node => node.get<HandoffStatus[]>(`/v1/handoffs?limit=${HANDOFFS}`)),
    );
    const handoffs = since(lists.flat(), this.#begun.nowMs);
    return { list: movesOf(handoffs, this.#begun.nowMs), handoffs };
  }
}

export type Seen = Pick<Measured, 'series' | 'moves'> & { handoffs: Follow[]; endMs: number };

/** Brings everything up, and after `ready` lets the guests come to rest; runs `act`, takes everything down. */
export async function onStage(
  options: StagedLab,
  vms: (lab: Lab) => Promise<readonly VmPlan[]>,
  say: (line: string) => void,
  act: (stage: Stage) => Promise<Measured>,
  ready: (guests: ReadonlyMap<string, GuestPort>, lab: Lab) => Promise<void> = async () => undefined,
): Promise<Measured> {
  const lab = await bringUp(options, say);
  let stage: Stage | undefined;
  let ballast: Keeping | undefined;
  try {
    for (const note of lab.notes) say(`! ${note}`);
    await lab.node('node0').post('/v1/mesh/actions/pause', { ttlMs: PAUSE_MS });
    const guests = new Map<string, GuestPort>();
    const plans = await vms(lab);
    for (const { node, filledMib, ...wish } of plans) {
      await lab.runVm(node, wish);
      const guest = await lab.guest(wish.name);
      if (filledMib > 0) await guest.command(`fill ${filledMib}`, FILL_MS);
      guests.set(wish.name, guest);
    }
    await ready(guests, lab);
    const largestMib = Math.max(...plans.map(plan => plan.memoryMib));
    // As many targets as there may be at a time.
    if (options.mode === 'auto') ballast = await keepBallast(lab, largestMib * (options.nodes - 1), say);
    await sleep(options.windowMs + SETTLE_MS);
    await lab.node('node0').post('/v1/mesh/actions/resume');
    stage = new Stage(lab, guests);
    return await act(stage);
  } finally {
    stage?.stop();
    await ballast?.stop();
    await lab.down();
  }
}

/** Two GiB under emulation, beside another guest on the same core. */
const FILL_MS = 180_000;
