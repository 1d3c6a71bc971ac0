/**
 * *No orphan QEMU, RAM file, reservation, namespace*: what there is on the nodes at a quiet moment, against the VMs that
 * should be there, one process and one RAM file each.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { maps, type Places, type Processes } from './proc.ts';
import { type Violation, violation } from './violation.ts';

const names = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};

/** `vms`: UUIDs of all VMs that the scenario made and that should be running. */
export function orphanProcesses(vms: readonly string[], { vmms, pages }: Processes): Violation[] {
  const found: Violation[] = [];
  for (const vm of new Set([...vms, ...vmms.map(v => v.vm)])) {
    const mine = vmms.filter(v => v.vm === vm);
    const at = mine.map(v => `process ${v.pid} on ${v.node}`).join(', ');
    if (!vms.includes(vm)) found.push(violation('orphans', `${at} is a VMM of no VM (${vm})`));
    else if (mine.length === 0) found.push(violation('not-lost', `no process has VM ${vm} any more`));
    else if (mine.length > 1)
      found.push(violation('orphans', `${mine.length} VMMs of one VM (${vm}): ${at}`));
  }
  for (const p of pages)
    found.push(
      violation('orphans', `a page server (${p.role}, process ${p.pid}) is left on ${p.node}: ${p.dir}`),
    );
  return found;
}

/** RAM files, VM and session directories, by the folders of all nodes. */
export function orphanFiles(places: Places, { vmms }: Processes): Violation[] {
  const found: Violation[] = [];
  for (const node of names(places.ramRoot)) {
    for (const name of names(join(places.ramRoot, node)).filter(n => n.endsWith('.ram'))) {
      const path = join(places.ramRoot, node, name);
      const owner = vmms.find(v => v.ram === path);
      if (!owner) found.push(violation('orphans', `a RAM file that no VMM has: ${path}`));
      else if (!maps(owner.pid, path, statSync(path).ino))
        found.push(
          violation('orphans', `process ${owner.pid} has not mapped its RAM file, but an older one: ${path}`),
        );
    }
  }
  for (const node of names(places.runRoot)) {
    for (const name of names(join(places.runRoot, node, 'h')))
      found.push(violation('orphans', `a page server's directory is left on ${node}: h/${name}`));
    for (const name of names(join(places.runRoot, node, 'vms')).filter(n => !n.includes('.')))
      if (
        !vmms.some(v => v.node === node && v.vm === name) &&
        names(join(places.runRoot, node, 'vms', name)).some(isSocket)
      )
        found.push(violation('orphans', `sockets of a VM that is not on ${node}: vms/${name}`));
  }
  return found;
}

/** The log of a VM that ended may stay, for people; its sockets may not. */
const isSocket = (name: string): boolean => name.endsWith('.sock');

/** Namespaces whose name begins with the lab's, beyond those that it made (ip-netns(8) keeps them in /run/netns). */
export function orphanNamespaces(
  prefix: string,
  made: readonly string[],
  folder = '/run/netns',
): Violation[] {
  return names(folder)
    .filter(name => name.startsWith(prefix) && !made.includes(name))
    .map(name => violation('orphans', `a network namespace that nobody made for the lab: ${name}`));
}

/** What a node says it has free, against its VMMs: memory that neither is free nor has a process is reserved for nobody. */
export function leakedReservations(
  nodes: readonly { node: string; guestMemoryMib: number; freeMib: number }[],
  { vmms }: Pick<Processes, 'vmms'>,
): Violation[] {
  return nodes.flatMap(({ node, guestMemoryMib, freeMib }) => {
    const usedMib = vmms.filter(v => v.node === node).reduce((sum, v) => sum + v.memoryMib, 0);
    if (freeMib + usedMib === guestMemoryMib) return [];
    const what = `${node} has ${guestMemoryMib} MiB for guests, its VMMs take ${usedMib}, and it says ${freeMib} are free`;
    return [violation('orphans', what)];
  });
}
