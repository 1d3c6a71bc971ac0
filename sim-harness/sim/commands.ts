/** What a scenario does to its cluster, each at its time. */
import { ShoalError } from '@shoal/agent';
import type { JournalEntry } from '@shoal/agent/edge/handoff/journal';
import type { Cluster } from './cluster.ts';
import type { StrikeKind } from './world/world.ts';

export type Command = { atS: number } & (
  | { do: 'load'; vm: string; milli: number }
  | { do: 'move'; vm: string; to: string }
  | { do: 'cancel'; vm: string; on: string }
  | { do: 'crash'; node: string }
  | { do: 'crash-all' }
  | { do: 'kill-vmm'; vm: string; on: string }
  | { do: 'kill-pages'; on: string }
  | { do: 'cut'; from: string; to: string; oneWay?: true }
  /** No more gossip from one to the other; what is sent to it alone comes through. */
  | { do: 'deafen'; from: string; to: string }
  | { do: 'heal' }
  | { do: 'reboot'; node: string; offMs: number }
  | { do: 'power-off'; node: string }
  /** From now on a share of all such occasions fails; 0 ends it. */
  | { do: 'strike'; kind: StrikeKind; share: number }
  /** Does the other thing as soon as a node has written that record of a handoff. */
  | { do: 'when'; on: string; role: 'source' | 'target'; record: string; afterMs?: number; then: Command }
);

/** Throws for a name that the cluster does not have. */
export function carryOut(cluster: Cluster, command: Command): void {
  const { world } = cluster;
  const say = (text: string) => world.log.line('world', text);
  switch (command.do) {
    case 'load':
      say(`load of ${command.vm}: ${command.milli}`);
      return world.setLoad(cluster.vm(command.vm).vm, command.milli);
    case 'move':
      return cluster.move(command.vm, command.to);
    case 'cancel':
      say(`handoff of ${command.vm} is cancelled on ${command.on}`);
      cluster.agent(command.on).node?.handoffs.cancel(cluster.vm(command.vm).vm);
      return;
    case 'crash':
      return cluster.agent(command.node).crash('killed');
    case 'crash-all':
      for (const agent of cluster.agents) agent.crash('killed');
      return;
    case 'kill-vmm':
      return world.machine(command.on).vmms.get(cluster.vm(command.vm).vm)?.end('killed');
    case 'kill-pages':
      for (const process of world.machine(command.on).pageProcesses()) process.end('killed');
      return;
    case 'cut':
      return cluster.cut(command.from, command.to, command.oneWay ? 'one' : 'both');
    case 'deafen':
      say(`gossip of ${command.from} is lost on its way to ${command.to}`);
      world.network.deaf.add(`${world.machine(command.from).id}>${world.machine(command.to).id}`);
      return;
    case 'heal':
      say('all links are whole');
      return world.network.healAll();
    case 'reboot':
      return cluster.powerCut(command.node, command.offMs);
    case 'power-off':
      return cluster.powerCut(command.node, undefined);
    case 'strike':
      say(`${command.kind} from now on: ${command.share * 100} %`);
      world.strikeShares = { ...world.strikeShares, [command.kind]: command.share };
      return;
    case 'when':
      return when(cluster, command);
    default:
      throw new ShoalError(
        'SHOAL_SIM_ARGS',
        'a scenario has an unknown command',
        JSON.stringify(command),
        '',
      );
  }
}

function when(cluster: Cluster, { on, role, record, afterMs, then }: Extract<Command, { do: 'when' }>): void {
  const before = cluster.onWritten;
  let done = false;
  cluster.onWritten = (machine, shelf, key, value) => {
    before(machine, shelf, key, value);
    const entry = value as JournalEntry | undefined;
    if (done || shelf !== 'handoff' || machine.name !== on || entry?.role !== role || entry.record !== record)
      return;
    done = true;
    // Right behind it: what the agent does next has not begun.
    cluster.world.time.after(afterMs ?? 0, () => carryOut(cluster, then));
  };
}
