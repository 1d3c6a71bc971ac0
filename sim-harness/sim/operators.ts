/** Operators with `shoal resolve`: they look at the machines before they give their word, and never lie. */
import type { Word } from '@shoal/agent/core/handoff/doubt';
import type { SimAgent } from './agent/agent.ts';
import type { Cluster } from './cluster.ts';
import type { Chance } from './world/chance.ts';
import type { Machine } from './world/machine.ts';

/** Long enough to be noticed, to be looked at, and to come back in the middle of it. */
const OFF_MS: [number, number] = [3000, 12_000];
/** Of all looks. */
const POWER_CUTS = 0.08;
/** Between what an operator has read and the word that he gives. */
const READS_MS: [number, number] = [0, 2000];

export class Operators {
  readonly #cluster: Cluster;
  readonly #chance: Chance;
  /** How readily they resolve at each look. */
  readonly #share: number;
  /** Cases that one of them is at. */
  readonly #at = new Set<string>();

  constructor(cluster: Cluster, chance: Chance) {
    this.#cluster = cluster;
    this.#chance = chance;
    this.#share = chance.between(0.05, 0.6);
  }

  /** Without a node that goes off in the middle of a handoff, and stays so for a while, there is nothing to resolve. */
  cutPower(): void {
    if (!this.#chance.happens(POWER_CUTS)) return;
    const { world } = this.#cluster;
    const parties = this.#cluster.agents.flatMap(({ node }) => node?.handoffs.parties.live() ?? []);
    const begun = parties.filter(({ record }) => ['committed', 'ready', 'owner'].includes(record));
    const peers = begun.map(({ entry }) => world.machine(entry.peer)).filter(m => m.power === 'on');
    if (peers.length === 0) return;
    world.happened('reboot');
    this.#cluster.powerCut(this.#chance.pick(peers).name, this.#chance.between(...OFF_MS));
  }

  /** Some handoffs whose other node has no power are resolved; it gets none while that is done. */
  look(): void {
    for (const agent of this.#cluster.agents)
      for (const { vm, entry } of agent.node?.handoffs.parties.live() ?? []) {
        const peer = this.#cluster.world.machine(entry.peer);
        if (peer.power === 'on' || !this.#chance.happens(this.#share)) continue;
        this.#consider(agent, vm, peer);
      }
  }

  #consider(agent: SimAgent, vm: string, peer: Machine): void {
    const doubt = agent.node?.api.doubt(vm);
    const [word] = doubt?.words ?? [];
    const key = `${agent.machine.name} ${vm}`;
    // The words of a VM are those of one handoff, which may be with another node.
    if (!doubt || !word || this.#cluster.world.machine(doubt.peer) !== peer || this.#at.has(key)) return;
    this.#at.add(key);
    peer.heldOff += 1;
    let over = false;
    // Once each: what ended long ago must not end what the same operator is at now, about another node.
    const done = () => {
      if (over) return;
      over = true;
      this.#at.delete(key);
      peer.heldOff -= 1;
    };
    const { life } = agent;
    this.#cluster.world.time.after(this.#chance.between(...READS_MS), () => {
      if (!life?.alive) return done();
      // Whoever the command line asks may die meanwhile: then it ends with an error.
      life.ended(done);
      void give(this.#cluster, agent, vm, word).finally(() => {
        if (life.alive) done();
      });
    });
  }
}

/**
 * Ends what nothing else can end (docs/design/qemu-postcopy.md): a guest whose VMM waits for a page and was not told in
 * time to listen for another stream, or whose source is never again told to resume.
 */
export function giveUpPages(cluster: Cluster): void {
  for (const agent of cluster.agents)
    for (const { vm } of agent.node?.handoffs.parties.live() ?? []) {
      const vmm = agent.machine.vmms.get(vm);
      const stuck = vmm?.qemu?.phase === 'stuck' || (vmm?.deaf && vmm.qemu?.phase !== 'serving');
      if (stuck && agent.node?.api.doubt(vm).words.includes('from-disk'))
        void give(cluster, agent, vm, 'from-disk');
    }
}

/** What is said of the memory holds from the moment of the word on. */
async function give(cluster: Cluster, agent: SimAgent, vm: string, word: Word): Promise<void> {
  const { world, specs } = cluster;
  const { name } = agent.machine;
  world.log.line('world', `${specs.get(vm)?.name} is resolved on ${name}: ${word}`);
  const takeBack = world.truth.givenUp(vm, word === 'from-disk');
  try {
    await agent.node?.api.resolve(vm, word, 'an operator', false);
    world.happened(`resolve-${word}`);
  } catch (error) {
    if ((error as { code?: string }).code !== 'SHOAL_RESOLVE_UNWRITTEN') takeBack();
    world.log.line(name, `resolve refused: ${(error as Error).message}`);
  }
}
