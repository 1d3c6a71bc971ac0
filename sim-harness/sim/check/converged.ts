/**
 * What must hold once faults have stopped for a while: one runner per VM, one owner whom every view names, nothing of
 * a handoff left anywhere, no memory held for nothing. By machines and disks first; the agents' word comes last.
 */
import { RESOLVED } from '@shoal/agent/core/handoff/epochs';
import type { JournalEntry } from '@shoal/agent/edge/handoff/journal';
import type { VmRecord } from '@shoal/agent/edge/vms/record';
import type { Cluster } from '../cluster.ts';
import type { Machine } from '../world/machine.ts';

/** More crashes than this in ten minutes, and a VM is left as crashed (`core/vm/crash-policy.ts`). */
const CRASHES_FORGIVEN = 3;

/** Everything that is not as it must be, as sentences; empty = converged. */
export function unsettled(cluster: Cluster): string[] {
  const faults: string[] = [];
  const living = cluster.world.machines.filter(m => m.power === 'on');
  for (const machine of living) faults.push(...nodeFaults(cluster, machine));
  for (const [vm, { name }] of cluster.specs)
    faults.push(...vmFaults(cluster, living, vm).map(fault => `${name}: ${fault}`));
  return faults;
}

function nodeFaults(cluster: Cluster, machine: Machine): string[] {
  const { name, disk, sessions, ram } = machine;
  const faults: string[] = [];
  if (!cluster.agent(name).node) faults.push(`the agent of ${name} has not started`);
  for (const [handoff, value] of disk.rows('handoff')) {
    const { role, record } = value as JournalEntry;
    if (!forGood(cluster, value) && !bothResolved(cluster, machine, value as JournalEntry))
      faults.push(`${name} still has handoff ${handoff.slice(0, 8)} as ${role}: ${record}`);
  }
  for (const handoff of sessions.keys())
    if (!forGood(cluster, disk.read('handoff', handoff)))
      faults.push(`${name} still has a session of ${handoff.slice(0, 8)}`);
  for (const vm of ram.keys()) {
    const owned = disk.read('vm', vm) !== undefined;
    if (!owned && !heldForGood(cluster, machine, vm))
      faults.push(`${name} still holds memory of ${cluster.specs.get(vm)?.name}`);
  }
  return faults;
}

function vmFaults(cluster: Cluster, living: Machine[], vm: string): string[] {
  const { truth, machines } = cluster.world;
  const owners = living.filter(m => m.disk.read('vm', vm) !== undefined);
  const runners = truth.runners(vm);
  const dead = machines.filter(m => m.power === 'off for good');
  const withDead = Math.max(0, ...dead.map(m => (m.disk.read('vm', vm) as VmRecord | undefined)?.epoch ?? 0));
  const resolved = living.some(m => resolvedAs(m, vm) > withDead);
  if (!resolved && (withDead > 0 || living.some(m => heldForGood(cluster, m, vm))))
    return runners.length > 1 ? ['runs more than once'] : []; // lost, or in doubt, with its host: handoff.md
  if (living.some(m => entriesOf(m).some(e => e.offer.vm === vm && bothResolved(cluster, m, e))))
    return runners.length > 1 ? ['runs more than once'] : [];
  const [owner] = owners;
  if (!owner || owners.length > 1) return [`owned by ${owners.map(o => o.name).join(' and ') || 'nobody'}`];
  const { crashed, epoch } = owner.disk.read('vm', vm) as VmRecord;
  const left = crashed && truth.faultDeaths(vm) > CRASHES_FORGIVEN;
  const [runner] = runners;
  if (runners.length !== 1 && !left) return [`runs on ${runners.length} nodes, owned by ${owner.name}`];
  if (runner && runner.machine !== owner) return [`runs on ${runner.machine.name}, owned by ${owner.name}`];
  return living.flatMap(m => {
    const seen =
      cluster
        .agent(m.name)
        .node?.status()
        .vms.filter(v => v.vm === vm) ?? [];
    const agree = seen.length === 1 && seen[0]?.node === owner.name && seen[0].epoch === epoch;
    if (agree && (left || seen[0]?.state === 'running')) return [];
    const says = seen.map(v => `${v.state} on ${v.node} with epoch ${v.epoch}`).join(' and ');
    return [`${m.name} sees it ${says || 'nowhere'}; ${owner.name} has it with epoch ${epoch}`];
  });
}

/** A handoff with a host that will never answer stays until people say otherwise. */
function forGood(cluster: Cluster, entry: unknown): boolean {
  if (entry === undefined) return false;
  return cluster.world.machine((entry as JournalEntry).peer).power !== 'on';
}

/**
 * The one doubt that waits for an operator's next word (docs/decisions/0014): two nodes that were both resolved, one
 * after the other, and both rebooted before they spoke.
 */
function bothResolved(cluster: Cluster, machine: Machine, entry: JournalEntry): boolean {
  const peer = cluster.world.machine(entry.peer);
  const other = peer.disk.read('handoff', entry.handoff) as JournalEntry | undefined;
  const rebooted = machine.boots > 1 && peer.boots > 1;
  return rebooted && entry.record === 'resolved' && other?.record === 'resolved';
}

const entriesOf = (machine: Machine): JournalEntry[] =>
  machine.disk.rows('handoff').map(([, entry]) => entry as JournalEntry);

/** The epoch with which an operator's word gave the VM to this node; 0 = none did. */
function resolvedAs(machine: Machine, vm: string): number {
  const found = entriesOf(machine).find(({ record, offer }) => record === 'resolved' && offer.vm === vm);
  return found ? found.offer.epoch + RESOLVED[found.role] : 0;
}

function heldForGood(cluster: Cluster, machine: Machine, vm: string): boolean {
  return entriesOf(machine).some(entry => entry.offer.vm === vm && forGood(cluster, entry));
}
