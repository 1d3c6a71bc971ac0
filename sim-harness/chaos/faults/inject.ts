/** Carries faults out, and undoes them: later, or all at once before a quiet point. */
import { existsSync } from 'node:fs';
import type { LabNode } from '../../lab/index.ts';
import { databaseDir } from '../../lab/space.ts';
import type { Agents } from '../agents.ts';
import type { Excuse } from '../checks/agents.ts';
import { processesOf, startTicksOf } from '../checks/proc.ts';
import type { Break } from '../checks/streams.ts';
import { monotonicNs } from '../checks/violation.ts';
import type { World } from '../world.ts';
import { ENDS_AGENT } from './agent-ends.ts';
import type { Fault, Kind } from './kinds.ts';
import { fill, free } from './space.ts';
import { BREAKS_STREAM } from './stream-breaks.ts';

/** Where a fault hits: the handoff as it was begun, and its id once it is known. */
export type Mark = { vm: string; uuid: string; handoff: string; from: LabNode; to: LabNode };

type Undo = { key: string; undo(): Promise<void> };

export class Injector {
  readonly #world: World;
  readonly #agents: Agents;
  readonly #active = new Map<string, { timer: NodeJS.Timeout; undo(): Promise<void> }>();
  /** What is under way in the world: a quiet point waits for it. */
  readonly #busy = new Set<Promise<unknown>>();
  readonly counts = new Map<Kind, number>();
  /** What the harness itself failed to do. */
  readonly troubles: string[] = [];
  /** Each fault as it was carried out, for who reads the logs of a run: CLOCK_MONOTONIC ns and wall clock. */
  readonly told: object[] = [];
  /** What was done to which node, and what that does to an agent. */
  readonly excuses: Excuse[] = [];

  constructor(world: World, agents: Agents) {
    this.#world = world;
    this.#agents = agents;
  }

  /** False when there is nothing to hit now, or it is hit already. */
  async inject(fault: Fault, mark: Mark): Promise<boolean> {
    const fromNs = monotonicNs();
    const done = this.#carryOut(fault, mark);
    this.#busy.add(done);
    try {
      const undo = await done;
      if (!undo) return false;
      this.count(fault.kind);
      const spans = this.#noted(fault, mark, fromNs);
      const { vm, handoff, from, to } = mark;
      const at = new Date().toISOString();
      this.told.push({ ...fault, at, fromNs, vm, handoff, from: from.name, to: to.name });
      if (undo === 'done') ended(spans);
      else this.#later(undo, fault.forMs, spans);
      return true;
    } finally {
      this.#busy.delete(done);
    }
  }

  count(kind: Kind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** Down on purpose, and soon up again. */
  isDown(node: LabNode): boolean {
    return this.#active.has(`agent ${node.name}`);
  }

  /** Undoes everything now. */
  async heal(): Promise<void> {
    await Promise.allSettled(this.#busy);
    for (const [key, { timer }] of this.#active) {
      clearTimeout(timer);
      await this.#end(key);
    }
  }

  /** What this fault explains, as long as it lasts. */
  #noted({ kind, side }: Fault, { vm, from, to }: Mark, fromNs: number): { toNs: number }[] {
    const node = (side === 'source' ? from : to).name;
    const span = { fromNs, toNs: Number.POSITIVE_INFINITY };
    const excuse: Excuse = { ...span, kind, node, ends: ENDS_AGENT[kind] };
    this.excuses.push(excuse);
    const breaks = BREAKS_STREAM[kind];
    if (breaks === 'none') return [excuse];
    const nodes: Break['nodes'] = breaks === 'room' ? [node] : [from.name, to.name];
    const broken: Break[] = [{ ...span, vm: breaks === 'its' ? vm : '', nodes }];
    if (breaks === 'room') broken.push({ ...span, vm: '', nodes, loads: true });
    this.#world.breaks.push(...broken);
    return [excuse, ...broken];
  }

  #later({ key, undo }: Undo, forMs: number, spans: { toNs: number }[]): void {
    const timer = setTimeout(() => void this.#end(key), forMs);
    const over = () => {
      // Before it is undone: the agent that is started by that has no part in it.
      ended(spans);
      return undo();
    };
    this.#active.set(key, { timer, undo: over });
  }

  /** Taken before it is carried out: nobody else may do the same, or undo it, meanwhile. */
  #reserve(key: string): void {
    this.#active.set(key, { timer: setTimeout(() => undefined, 0), undo: async () => undefined });
  }

  async #end(key: string): Promise<void> {
    const active = this.#active.get(key);
    this.#active.delete(key);
    try {
      await active?.undo();
    } catch (error) {
      this.troubles.push(`${key} was not undone: ${(error as Error).message}`);
    }
  }

  async #carryOut({ kind, side }: Fault, mark: Mark): Promise<Undo | 'done' | undefined> {
    const node = side === 'source' ? mark.from : mark.to;
    switch (kind) {
      case 'agent-kill-source':
      case 'agent-kill-target':
        return this.#killAgent(node);
      case 'agent-stop':
        return this.#stopAgent(node);
      case 'pages-kill':
        return this.#pages(node, mark).some(pid => sent(pid, 'SIGKILL')) ? 'done' : undefined;
      case 'pages-stop':
        return this.#stopped(this.#pages(node, mark));
      case 'vmm-kill-source':
      case 'vmm-kill-target':
        return this.#killVmm(node, mark);
      case 'vmm-stop':
        return this.#stopped(this.#vmms(node, mark));
      case 'link-cut':
        return this.#cut(mark, false);
      case 'link-cut-one-way':
        return this.#cut(side === 'source' ? mark : { ...mark, from: mark.to, to: mark.from }, true);
      case 'journal-full':
        return this.#full(databaseDir(node.state));
      case 'ram-full':
        return this.#ramFull(node);
      case 'crossing':
        return undefined; // a move of its own: the mover begins it
    }
  }

  async #killAgent(node: LabNode): Promise<Undo | undefined> {
    const key = `agent ${node.name}`;
    if (this.#active.has(key) || !node.alive) return undefined;
    this.#reserve(key);
    await node.kill();
    return { key, undo: async () => this.#agents.start(node) };
  }

  #stopAgent(node: LabNode): Undo | undefined {
    const key = `agent ${node.name}`;
    const { pid } = node;
    if (this.#active.has(key) || pid === undefined || !sent(pid, 'SIGSTOP')) return undefined;
    return { key, undo: async () => void sent(pid, 'SIGCONT') };
  }

  #pages(node: LabNode, { handoff }: Mark): number[] {
    const folder = this.#world.folderOf(node);
    const { pages } = processesOf(this.#world.places);
    return pages.filter(p => p.node === folder && p.dir.endsWith(`/${handoff.slice(0, 8)}`)).map(p => p.pid);
  }

  #vmms(node: LabNode, { uuid }: Mark): number[] {
    const folder = this.#world.folderOf(node);
    return processesOf(this.#world.places)
      .vmms.filter(v => v.node === folder && v.vm === uuid)
      .map(v => v.pid);
  }

  #killVmm(node: LabNode, mark: Mark): 'done' | undefined {
    const [pid] = this.#vmms(node, mark);
    if (pid === undefined) return undefined;
    const atNs = monotonicNs();
    if (!sent(pid, 'SIGKILL')) return undefined;
    this.#world.harms.push({ kind: 'killed', vm: mark.vm, pid, atNs });
    return 'done';
  }

  #stopped(pids: number[]): Undo | undefined {
    const [pid] = pids;
    if (pid === undefined) return undefined;
    const key = `process ${pid}`;
    const ticks = startTicksOf(pid);
    if (this.#active.has(key) || !sent(pid, 'SIGSTOP')) return undefined;
    return { key, undo: async () => void (startTicksOf(pid) === ticks && sent(pid, 'SIGCONT')) };
  }

  async #cut({ from, to }: Pick<Mark, 'from' | 'to'>, oneWay: boolean): Promise<Undo | undefined> {
    const key = `link ${[from.name, to.name].sort().join(' ')}`;
    if (this.#active.has(key)) return undefined;
    this.#reserve(key);
    const { lab } = this.#world;
    await (oneWay ? lab.cutOneWay(from.name, to.name) : lab.cut(from.name, to.name));
    return { key, undo: () => lab.heal(from.name, to.name) };
  }

  #full(dir: string): Undo | undefined {
    const key = `full ${dir}`;
    if (this.#active.has(key) || !existsSync(dir)) return undefined;
    fill(dir);
    return { key, undo: async () => free(dir) };
  }

  #ramFull(node: LabNode): Undo | undefined {
    const harm = {
      kind: 'no-memory' as const,
      node: this.#world.folderOf(node),
      fromNs: monotonicNs(),
      toNs: Number.POSITIVE_INFINITY,
    };
    const full = this.#full(node.ramDir);
    if (!full) return undefined;
    this.#world.harms.push(harm);
    const undo = async () => {
      await full.undo();
      harm.toNs = monotonicNs();
    };
    return { key: full.key, undo };
  }
}

function ended(spans: readonly { toNs: number }[]): void {
  for (const span of spans) span.toNs = monotonicNs();
}

/** False when it is gone already. */
function sent(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
