/**
 * What an operator does about a VM that waits for pages which cannot come any more: QEMU 7.2 hangs for good where the
 * recovery of its own post-copy was interrupted (docs/design/qemu-postcopy.md). `shoal resolve VM --from-disk`. Any other
 * VM that waits is not helped: it is a violation, and what its node says of it is kept for whoever looks into that.
 */
import type { ClusterStatus, DoubtStatus } from '@shoal/agent/edge/http/api.types';
import { type Break, broken, type Stream } from './checks/streams.ts';
import { type Violation, violation } from './checks/violation.ts';
import type { World } from './world.ts';

type Sight = Pick<World, 'lab' | 'streams' | 'breaks'>;

/** Of one node, by itself. */
export type OwnStatus = {
  node: string;
  vms: readonly { name: string; node: string; state: string }[];
  handoffs: readonly { handoff: string; outcome: string }[];
};

/** A VM that does not go on, as its own node shows it. `handoff`: under way there, and its stream was broken; empty: none. */
export type Waiting = { vm: string; node: string; state: string; handoff: string; help: boolean };

/** `paused`: what a node says of a QEMU whose stream broke before its guest went on, while the peer answers. */
const WAITS = ['degraded', 'in-doubt', 'paused'];

/** Helped is only a VM that does not go on at the target of a broken stream, in that very handoff. Pure. */
export function waiting(
  statuses: readonly OwnStatus[],
  streams: readonly Stream[],
  breaks: readonly Break[],
): Waiting[] {
  const torn = broken(streams, breaks);
  return statuses.flatMap(({ node, vms, handoffs }) =>
    vms
      .filter(v => v.node === node && WAITS.includes(v.state))
      .map(({ name, state }) => {
        const its = torn.find(
          s =>
            s.vm === name &&
            s.nodes.includes(node) &&
            handoffs.some(h => h.handoff === s.handoff && h.outcome === ''),
        );
        return { vm: name, node, state, handoff: its?.handoff ?? '', help: its?.nodes[1] === node };
      }),
  );
}

export class Operator {
  readonly #world: Sight;
  readonly #say: (line: string) => void;
  /** By VM and reason: the first of its kind, as it was given. */
  readonly #refusals = new Map<string, string>();
  /** Of the last look, by VM and node. */
  #unhelped = new Map<string, string>();
  /** Handoffs that the word was taken for: they end now, or never. */
  readonly #given = new Set<string>();
  /** What was ended by that word: VM, node and handoff. */
  readonly resolved: string[] = [];

  constructor(world: Sight, say: (line: string) => void) {
    this.#world = world;
    this.#say = say;
  }

  /** Words that nodes did not take, each reason once for each VM. */
  get refused(): string[] {
    return [...this.#refusals.values()];
  }

  /** VMs that wait and are not helped, or were in vain, as the last look found them. */
  unhelped(): Violation[] {
    return [...this.#unhelped.values()].map(what => violation('ends', what));
  }

  async look(): Promise<void> {
    const { streams, breaks, lab } = this.#world;
    const statuses = await Promise.all(
      lab.nodes.map(async ({ name }) => {
        const status = await lab
          .node(name)
          .get<ClusterStatus>('/v1/status')
          .catch(() => undefined);
        return { node: name, vms: status?.vms ?? [], handoffs: status?.handoffs ?? [] };
      }),
    );
    const unhelped = new Map<string, string>();
    for (const one of waiting(statuses, streams, breaks)) {
      if (one.help && !this.#given.has(one.handoff)) await this.#end(one);
      else unhelped.set(`${one.vm} ${one.node}`, await this.#asked(one));
    }
    for (const [key, what] of unhelped) if (!this.#unhelped.has(key)) this.#say(`operator: ${what}`);
    this.#unhelped = unhelped;
  }

  /** A node that does not take the word now is asked at the next look. */
  async #end({ vm, node, handoff }: Waiting): Promise<void> {
    try {
      await this.#world.lab.node(node).post(`/v1/vms/${vm}/actions/resolve`, { word: 'from-disk' });
      this.#given.add(handoff);
      this.resolved.push(`${vm} on ${node}, handoff ${handoff}`);
    } catch (error) {
      const key = refusalKey(vm, reason(error));
      if (this.#refusals.has(key)) return;
      const what = `${vm} on ${node}, handoff ${handoff}: ${reason(error)}`;
      this.#refusals.set(key, what);
      this.#say(`operator: refused: ${what}`);
    }
  }

  async #asked({ vm, node, state, handoff }: Waiting): Promise<string> {
    const path = `/v1/vms/${vm}/doubt`;
    const doubt = await this.#world.lab
      .node(node)
      .get<DoubtStatus>(path)
      .then(d => d.sentences.join(' '))
      .catch(reason);
    const why = this.#given.has(handoff)
      ? 'though its node took the word that ends it'
      : handoff
        ? 'in a handoff whose stream was broken'
        : 'and no broken stream explains it';
    return `${vm} stands ${state} on ${node}, ${why}. Its node: ${doubt}`;
  }
}

const reason = (error: unknown): string => {
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  return `${code}: ${message}`;
};

/** A reason with other ages in it is the same reason. Pure. */
export const refusalKey = (vm: string, why: string): string => `${vm} ${why.replace(/\d+/g, 'N')}`;
