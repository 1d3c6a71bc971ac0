/** Begins handoffs, several at a time, each with the faults that were dealt for it, and notes how they went. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Compression, PageOrder, PageWishes } from '@shoal/agent/edge/pages/types';
import { type Engine, movesPages } from '@shoal/protocol';
import type { LabNode } from '../lab/index.ts';
import { monotonicNs } from './checks/violation.ts';
import type { Injector, Mark } from './faults/inject.ts';
import type { Deck, Fault } from './faults/kinds.ts';
import type { Random } from './random.ts';
import type { Steps } from './steps.ts';
import { type ChaosVm, MICRO, QEMU, type World } from './world.ts';

/** VMs that move at once: more overlap more, and starve each other on few cores. */
const LANES = 4;
/** Share of handoffs with a fault, and with a second one. */
const FAULTED = 0.75;
const TWICE = 0.2;
/** Then another VM's turn comes; how the handoff ends is judged at the next quiet point. */
const PATIENCE_MS = 15_000;
/** After a refusal: what refused it needs a moment to be over. */
const PAUSE_MS = 100;

/** Share of handoffs by QEMU's own post-copy, where QEMU is; of the others, by the page server. */
const ONE_STREAM = 0.25;
const BY_PAGES = 0.7;
const AHEAD = 0.4;
/** Share of moves by the page server under a cap, and of those that give memory back early. */
const CAPPED = 0.3;
const EARLY = 0.3;
/** Of what a guest has in its memory: under the least it is on its way for some seconds, and less than `PATIENCE_MS`. */
const CAP_LEAST = 0.25;
const CAP_MOST = 2;

export type Begun = { handoff: string; vm: string; from: LabNode; to: LabNode; engine: Engine };

const SETTLED = ['released', 'aborted', 'retaken', 'transferred', 'not-run', 'gone'];

export class Moves {
  readonly begun: Begun[] = [];
  /** Offers that came to nothing, by the code of the refusal. */
  readonly refused = new Map<string, number>();
  readonly #world: World;
  readonly #steps: Steps;
  readonly #injector: Injector;
  readonly #deck: Deck;
  readonly #random: Random;
  readonly #taken = new Set<string>();

  constructor(world: World, steps: Steps, injector: Injector, deck: Deck, random: Random) {
    this.#world = world;
    this.#steps = steps;
    this.#injector = injector;
    this.#deck = deck;
    this.#random = random;
  }

  /** Until `count` more are begun, or `over` says that the time is. */
  async run(count: number, over: () => boolean): Promise<void> {
    const until = this.begun.length + count;
    const lane = async () => {
      while (this.begun.length < until && !over()) await this.#one();
    };
    // One VM stays free: moves that cross need a second one.
    const lanes = Math.min(LANES, this.#world.vms.length - 1);
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  async #one(): Promise<void> {
    const vm = this.#choose();
    const from = vm && this.#whereIs(vm);
    if (!vm || !from) return void (await sleep(PAUSE_MS));
    const to = this.#random.one(this.#world.lab.nodes.filter(n => n !== from));
    this.#taken.add(vm.name);
    try {
      await this.#move(vm, from, to, this.#dealt());
    } finally {
      this.#taken.delete(vm.name);
    }
  }

  #choose(): ChaosVm | undefined {
    const free = this.#world.vms.filter(v => !this.#taken.has(v.name));
    return free.length > 0 ? this.#random.one(free) : undefined;
  }

  /** By who executed it last, whatever its agents say. */
  #whereIs({ name }: ChaosVm): LabNode | undefined {
    this.#world.ledgers.read();
    const last = this.#world.ledgers.last(name);
    return last && this.#world.nodeAt(last.node);
  }

  #dealt(): Fault[] {
    if (!this.#random.chance(FAULTED)) return [];
    return this.#random.chance(TWICE) ? [this.#deck.deal(), this.#deck.deal()] : [this.#deck.deal()];
  }

  async #move(vm: ChaosVm, from: LabNode, to: LabNode, faults: Fault[]): Promise<void> {
    const armed = new Set(faults);
    const mark: Mark = { vm: vm.name, uuid: vm.vm, handoff: '', from, to };
    const over = new Set<string>();
    const off = this.#steps.on(step => {
      if (step.vm !== vm.name || ![from.name, to.name].includes(step.node)) return;
      if (mark.handoff && step.handoff !== mark.handoff) return;
      for (const fault of armed) {
        if (fault.side !== step.role || fault.state !== step.state) continue;
        armed.delete(fault);
        setTimeout(() => this.#hit(fault, { ...mark, handoff: step.handoff }), fault.afterMs);
      }
      if (SETTLED.includes(step.state)) over.add(step.role);
    });
    try {
      // Told of before there is an id: the offer is part of the handoff too.
      const crossing = faults.find(f => f.kind === 'crossing');
      if (crossing) {
        armed.delete(crossing);
        void this.#cross(crossing, vm, from, to);
      }
      for (const fault of faults)
        if (armed.has(fault) && ['offered', 'judging'].includes(fault.state)) this.#soon(armed, fault, mark);
      mark.handoff = await this.#begin(vm, from, to);
      if (!mark.handoff) return void (await sleep(PAUSE_MS));
      const untilMs = Date.now() + PATIENCE_MS;
      while (over.size < 2 && Date.now() < untilMs) await sleep(20);
      const stream = this.#world.streams.find(s => s.handoff === mark.handoff);
      if (stream && over.size === 2) stream.toNs = monotonicNs();
    } finally {
      off();
      for (const fault of armed) this.#deck.putBack(fault);
    }
  }

  /** No step tells of a state that a handoff begins in. */
  #soon(armed: Set<Fault>, fault: Fault, mark: Mark): void {
    armed.delete(fault);
    setTimeout(() => this.#hit(fault, mark), fault.afterMs);
  }

  #hit(fault: Fault, mark: Mark): void {
    this.#injector.inject(fault, mark).then(
      hit => hit || this.#deck.putBack(fault),
      error => this.#injector.troubles.push(`${fault.kind}: ${error.message}`),
    );
  }

  /** Another VM of the target moves to the source at the same time, and this one is asked to go elsewhere as well. */
  async #cross(fault: Fault, vm: ChaosVm, from: LabNode, to: LabNode): Promise<void> {
    const other = this.#world.vms.find(v => !this.#taken.has(v.name) && this.#whereIs(v) === to);
    if (!other) return this.#deck.putBack(fault);
    this.#taken.add(other.name);
    try {
      const third = this.#random.one(this.#world.lab.nodes.filter(n => n !== from && n !== to));
      await Promise.all([this.#begin(other, to, from), this.#begin(vm, from, third)]);
      this.#injector.count('crossing');
      await sleep(PAUSE_MS);
    } finally {
      this.#taken.delete(other.name);
    }
  }

  /** The id of the handoff, or nothing when it was refused. */
  async #begin(vm: ChaosVm, from: LabNode, to: LabNode): Promise<string> {
    const { driver } = this.#world.options;
    const engine = engineFor(driver, this.#random);
    const wishes = wishesFor(engine, driver, this.#random);
    const fromNs = monotonicNs();
    try {
      const path = `/v1/vms/${vm.name}/actions/migrate`;
      const { handoff } = await from.post<{ handoff: string }>(path, { node: to.name, engine, ...wishes });
      this.begun.push({ handoff, vm: vm.name, from, to, engine });
      if (engine === 'qemu-postcopy')
        this.#world.streams.push({
          ...{ handoff, vm: vm.name, fromNs },
          nodes: [from.name, to.name],
          toNs: Infinity,
        });
      return handoff;
    } catch (error) {
      const { code = 'unknown', message } = error as NodeJS.ErrnoException;
      // A refusal by the target has its code in the sentence: `refused it (inflow)`.
      const why = code === 'SHOAL_OFFER_REFUSED' ? `${code} ${/\((\S+)\)/.exec(message)?.[1] ?? ''}` : code;
      this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
      return '';
    }
  }

  /** One move without faults, for a quiet point. Empty when it was refused. */
  quietMove(vm: ChaosVm, from: LabNode, to: LabNode): Promise<string> {
    return this.#begin(vm, from, to);
  }
}

/** Pure. Micro guests know no stream of QEMU's. */
export function engineFor(driver: 'micro' | 'qemu', random: Random): Engine {
  if (driver === 'qemu' && random.chance(ONE_STREAM)) return 'qemu-postcopy';
  if (!random.chance(BY_PAGES)) return 'precopy';
  return random.chance(AHEAD) ? 'warm' : 'postcopy';
}

const ORDERS: readonly PageOrder[] = ['sequential', 'windows', 'hot'];
const COMPRESSIONS: readonly Compression[] = ['auto', 'off', 'on'];

/** What else is asked of a move by the page server; nothing of any other. Pure. */
export function wishesFor(engine: Engine, driver: 'micro' | 'qemu', random: Random): PageWishes {
  if (!movesPages(engine)) return {};
  const { filledMib } = driver === 'micro' ? MICRO : QEMU;
  const [least, most] = [CAP_LEAST, CAP_MOST].map(share => share * filledMib * 2 ** 20) as [number, number];
  return {
    order: random.one(ORDERS),
    compression: random.one(COMPRESSIONS),
    ...(random.chance(CAPPED) && { bulkBytesPerSecond: random.whole(least, most) }),
    ...(random.chance(EARLY) && { earlyRelease: 'on' }),
  };
}
