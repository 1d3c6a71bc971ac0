/** A quiet point: all faults are undone, all handoffs come to their end, then every checker looks. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import type { LabNode } from '../lab/index.ts';
import { gaveUpEarly, notStarted } from './checks/crashes.ts';
import { brokenDisk, lostRecords } from './checks/disks.ts';
import { badPages, overlaps, wentBack } from './checks/ledger.ts';
import { LedgerFiles } from './checks/ledger-files.ts';
import { lostLives, standing } from './checks/lives.ts';
import { leakedReservations, orphanFiles, orphanNamespaces, orphanProcesses } from './checks/orphans.ts';
import { changedPages, memoryOf, PAGE_BYTES, wrongPages } from './checks/pattern.ts';
import { processesOf } from './checks/proc.ts';
import { lessWork, pagesSaidBad } from './checks/readings.ts';
import { broken, unloaded } from './checks/streams.ts';
import { divergedViews, type End, openEnds, type Told } from './checks/views.ts';
import { monotonicNs, type Violation, violation } from './checks/violation.ts';
import type { Injector } from './faults/inject.ts';
import { count, type Keeper } from './keeper.ts';
import type { Begun, Moves } from './moves.ts';
import type { Operator } from './operator.ts';
import type { Steps } from './steps.ts';
import { type ChaosVm, MICRO, type World } from './world.ts';

/** Everything has to be in order so long after the last fault: gossip, resends (5 s) and restarts have had their time. */
const SETTLE_MS = { micro: 60_000, qemu: 150_000 };
/** A vCPU at work writes a line every 50 ms; a machine that is busy, some hundred. */
const ALIVE_NS = 3e9;
const LOOK_EVERY_MS = 250;

/** Of one node; `own`: the VMs that it says are its own. */
type OwnWords = Told & {
  folder: string;
  freeMib: number;
  own: { node: string; vm: string; state: string }[];
};

export type QuietParts = {
  injector: Injector;
  keeper: Keeper;
  moves: Moves;
  steps: Steps;
  operator: Operator;
};

export class Quiet {
  readonly #world: World;
  readonly #parts: QuietParts;
  readonly #judged = new Set<string>();
  readonly outcomes = new Map<string, number>();
  /** Memories that were read whole behind a handoff: from outside at both ends, or by a real guest itself. */
  compared = 0;

  constructor(world: World, parts: QuietParts) {
    this.#world = world;
    this.#parts = parts;
  }

  /** Resolves to what is wrong after all had its time to come right. */
  async look(): Promise<Violation[]> {
    await this.#parts.injector.heal();
    const begun = this.#parts.moves.begun.filter(b => !this.#judged.has(b.handoff));
    const untilMs = Date.now() + SETTLE_MS[this.#world.options.driver];
    const helpAtMs = untilMs - SETTLE_MS[this.#world.options.driver] / 2;
    let found = await this.#all(begun);
    while (found.length > 0 && Date.now() < untilMs) {
      await sleep(LOOK_EVERY_MS);
      if (Date.now() > helpAtMs) await this.#parts.operator.look();
      found = await this.#all(begun);
    }
    for (const { handoff } of begun) this.#judged.add(handoff);
    for (const stream of this.#world.streams) stream.toNs = Math.min(stream.toNs, monotonicNs());
    await this.#count(begun);
    if (found.length > 0) return [...found, ...this.#parts.operator.unhelped(), ...this.history()];
    return [...this.history(), ...(await this.#memory())];
  }

  /** What ledgers and readings prove, and what agents have given up; none of it can come right again. */
  history(): Violation[] {
    const { ledgers, harms, streams, breaks } = this.#world;
    ledgers.read();
    const [torn, not] = [broken(streams, breaks), unloaded(streams, breaks)];
    const { readings } = this.#parts.keeper;
    // Micro guests count in their ledger as well, every 50 ms.
    const counted = ledgers instanceof LedgerFiles ? ledgers.all() : [];
    return [
      ...ledgers.all().flatMap(notes => [...overlaps(notes), ...lostLives(notes, harms, torn, not)]),
      ...counted.flatMap(notes => [...wentBack(notes), ...badPages(notes)]),
      ...lessWork(readings),
      ...pagesSaidBad(readings),
      ...gaveUpEarly(this.#parts.steps.crashes),
    ];
  }

  async #all(begun: readonly Begun[]): Promise<Violation[]> {
    const { places, vms, ledgers, lab, guestMemoryMib } = this.#world;
    const told = await Promise.all(lab.nodes.map(n => this.#told(n)));
    if (!told.every(t => t !== undefined)) return [violation('views', 'not every agent answers')];
    const down = notStarted(
      told.flatMap(t => t.own),
      this.#parts.steps.crashes,
    );
    const idle = this.#parts.keeper.idle();
    if (idle.length > 0)
      return [...down, violation('not-lost', `not every guest is at work: ${idle.join(', ')}`)];
    ledgers.read();
    const processes = processesOf(places);
    const free = told.map(t => ({ node: t.folder, guestMemoryMib, freeMib: t.freeMib }));
    return [
      ...down,
      ...standing(
        vms.map(v => v.name),
        ledgers.all().flat(),
        monotonicNs(),
        ALIVE_NS,
      ),
      ...orphanProcesses(
        vms.map(v => v.vm),
        processes,
      ),
      ...orphanFiles(places, processes),
      ...orphanNamespaces(
        `shoal-${lab.state.name}-`,
        lab.nodes.map(n => n.netns),
      ),
      ...leakedReservations(free, processes),
      ...divergedViews(told, processes.vmms),
      ...openEnds(await this.#ends(begun), told),
    ];
  }

  async #told(node: LabNode): Promise<OwnWords | undefined> {
    const { lab } = this.#world;
    const folder = (name: string) => {
      const found = lab.nodes.find(n => n.name === name);
      return found ? this.#world.folderOf(found) : name;
    };
    const status = await node.get<ClusterStatus>('/v1/status').catch(() => undefined);
    const own = status?.nodes.find(n => n.name === node.name);
    if (!status || !own) return undefined;
    return {
      node: node.name,
      folder: folder(node.name),
      freeMib: own.memoryFreeMib,
      own: status.vms
        .filter(v => v.node === node.name)
        .map(({ name: vm, state }) => ({ node: node.name, vm, state })),
      vms: status.vms.map(v => ({ ...v, node: folder(v.node) })),
      handoffs: status.handoffs,
    };
  }

  #ends(begun: readonly Begun[]) {
    const torn = new Set(broken(this.#world.streams, this.#world.breaks).map(s => s.handoff));
    return Promise.all(
      begun.map(async ({ handoff, vm, from, to }) => ({
        handoff,
        vm,
        mayLose: torn.has(handoff),
        sides: await Promise.all([from, to].map(n => endOn(n, handoff))),
      })),
    );
  }

  async #count(begun: readonly Begun[]): Promise<void> {
    for (const { sides } of await this.#ends(begun)) {
      const [source, target] = sides.map(s => ('unknown' in s ? 'unknown' : s.outcome || 'in doubt'));
      const word =
        source === target || target === 'unknown'
          ? source
          : source === 'unknown'
            ? target
            : `${source}/${target}`;
      const outcome = word ?? 'unknown';
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    }
  }

  /** Guests stand; each is read, moved once, and read again on its new node. */
  async #memory(): Promise<Violation[]> {
    const micro = this.#world.options.driver === 'micro';
    const look = (vm: ChaosVm) => (micro ? this.#oneMemory(vm) : this.#realMemory(vm));
    return (await Promise.all(this.#world.vms.map(vm => obeyed(vm, () => look(vm))))).flat();
  }

  /** A real guest's memory cannot be told from outside: its own workload reads every page that it filled. */
  async #realMemory({ name, vm }: ChaosVm): Promise<Violation[]> {
    const guest = this.#parts.keeper.guest(vm);
    const bad = await guest.verify(60);
    this.compared += 1;
    const found = count(await guest.command('disk /dev/vda check'));
    const lost = lostRecords(name, this.#parts.keeper.records.get(name) ?? 0, found);
    this.#parts.keeper.records.set(name, found);
    return [...lost, ...(bad > 0 ? [violation('memory', `${name} found ${bad} of its pages wrong`)] : [])];
  }

  /** At the very end: guests let go of their disks, which are then looked at from outside. */
  async disks(): Promise<Violation[]> {
    const found: Violation[] = [...this.#parts.keeper.lost];
    const letGo = async ({ name, vm, disk }: ChaosVm) => {
      await this.#parts.keeper.guest(vm).command('disk /dev/vda stop');
      return brokenDisk(name, disk);
    };
    for (const vm of this.#world.vms) if (vm.disk) found.push(...(await obeyed(vm, () => letGo(vm))));
    return found;
  }

  async #oneMemory(vm: ChaosVm): Promise<Violation[]> {
    const guest = this.#parts.keeper.guest(vm.vm);
    const fault = (what: string) => [violation('memory', `${vm.name}: ${what}`)];
    try {
      await guest.command('load 0');
      const before = this.#process(vm);
      if (!before) return fault('its process is gone');
      const wrong = wrongPages(before.ram, vm.name, (MICRO.filledMib * 2 ** 20) / PAGE_BYTES);
      if (wrong.length > 0)
        return fault(`pages ${wrong.slice(0, 9).join(', ')} in ${before.ram} are not what was written`);
      const memory = memoryOf(before.ram);
      const from = this.#world.nodeAt(before.node);
      const begun = await this.#anywhere(vm, from);
      if (!begun) return []; // every other node is full: nothing was moved, so nothing is compared
      const { handoff, to } = begun;
      const end = await this.#ended(handoff, [from, to]);
      if (end !== 'done') return fault(`handoff ${handoff} without any fault ended ${end || 'never'}`);
      const after = this.#process(vm);
      if (after?.node === before.node || !after) return fault(`is not on ${to.name} after its handoff`);
      const changed = changedPages(memory, after.ram);
      this.compared += 1;
      if (changed.length > 0)
        return fault(`pages ${changed.slice(0, 9).join(', ')} differ after the handoff to ${to.name}`);
      return [];
    } finally {
      await guest.command(`load ${MICRO.loadPercent}`);
    }
  }

  /** A move to the first other node that takes it. */
  async #anywhere(vm: ChaosVm, from: LabNode): Promise<{ handoff: string; to: LabNode } | undefined> {
    const { nodes } = this.#world.lab;
    for (let i = 1; i < nodes.length; i++) {
      const to = nodes[(nodes.indexOf(from) + i) % nodes.length] as LabNode;
      const handoff = await this.#parts.moves.quietMove(vm, from, to);
      if (handoff) return { handoff, to };
    }
    return undefined;
  }

  #process(vm: ChaosVm) {
    return processesOf(this.#world.places).vmms.find(v => v.vm === vm.vm);
  }

  async #ended(handoff: string, nodes: LabNode[]): Promise<string> {
    const untilMs = Date.now() + SETTLE_MS[this.#world.options.driver];
    for (;;) {
      const sides = await Promise.all(nodes.map(n => endOn(n, handoff)));
      const ends = sides.map(s => ('unknown' in s ? '' : s.outcome));
      if (ends.every(e => e !== '')) return ends.every(e => e === 'done') ? 'done' : ends.join('/');
      if (Date.now() > untilMs) return '';
      await sleep(50);
    }
  }
}

/** A guest that runs does what it is told; one that does not, has been lost in a way. */
async function obeyed({ name }: ChaosVm, look: () => Promise<Violation[]>): Promise<Violation[]> {
  try {
    return await look();
  } catch (error) {
    return [violation('not-lost', `${name} does not do what it is told: ${(error as Error).message}`)];
  }
}

async function endOn(node: LabNode, handoff: string): Promise<End> {
  try {
    const { outcome, detail, inDoubt } = await node.get<HandoffStatus>(`/v1/handoffs/${handoff}`);
    return { node: node.name, outcome, detail, inDoubt };
  } catch (error) {
    if ((error as { code?: string }).code === 'SHOAL_HANDOFF_UNKNOWN')
      return { node: node.name, unknown: true };
    return { node: node.name, outcome: '', detail: 'its agent does not answer', inDoubt: false };
  }
}
