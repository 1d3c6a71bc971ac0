/** *Views converge* and *every handoff ended or stands visibly in doubt*: what nodes say, against /proc. Pure. */
import type { VmmProcess } from './proc.ts';
import { type Violation, violation } from './violation.ts';

/** What one node says of the cluster. */
export type Told = {
  node: string;
  vms: { vm: string; node: string; state: string; stale: boolean }[];
  handoffs: { handoff: string; inDoubt: boolean }[];
};

/** All nodes name the same owner of each VM, the one where its process is, and say that it runs. */
export function divergedViews(told: readonly Told[], vmms: readonly VmmProcess[]): Violation[] {
  const found: Violation[] = [];
  for (const { node: teller, vms } of told) {
    for (const vm of new Set([...vmms.map(v => v.vm), ...vms.map(v => v.vm)])) {
      const where = vmms.filter(v => v.vm === vm).map(v => v.node);
      const said = vms.filter(v => v.vm === vm);
      const fits =
        said.length === 1 &&
        where.length === 1 &&
        said[0]?.node === where[0] &&
        said[0]?.state === 'running' &&
        !said[0].stale;
      if (fits) continue;
      const says =
        said.map(v => `${v.state}${v.stale ? ' (old)' : ''} on ${v.node}`).join(' and ') || 'nothing';
      found.push(
        violation(
          'views',
          `${teller} says of VM ${vm}: ${says}; its process is on ${where.join(' and ') || 'no node'}`,
        ),
      );
    }
  }
  return found;
}

/** How one handoff stands: `unknown` = that node has never heard of it. */
export type End =
  | { node: string; outcome: string; detail: string; inDoubt: boolean }
  | { node: string; unknown: true };

/**
 * A handoff that was accepted has an end with a reason on both sides, or stands in doubt where every node shows it.
 * `mayLose`: its one stream was broken (streams.ts), so a target that owned the VM may have lost its memory.
 */
export function openEnds(
  ends: readonly { handoff: string; vm: string; sides: End[]; mayLose: boolean }[],
  told: readonly Told[],
): Violation[] {
  const found: Violation[] = [];
  for (const { handoff, vm, sides, mayLose } of ends) {
    const fault = (what: string) => found.push(violation('ends', `handoff ${handoff} of ${vm}: ${what}`));
    const known = sides.filter((s): s is Exclude<End, { unknown: true }> => !('unknown' in s));
    for (const { node, outcome, detail, inDoubt } of known) {
      if (outcome === '' && !inDoubt) fault(`has no end on ${node}, and is not in doubt`);
      else if (outcome === '' && !told.every(t => t.handoffs.some(h => h.handoff === handoff && h.inDoubt)))
        fault(`is in doubt on ${node}, and not all nodes show it`);
      else if (outcome !== '' && outcome !== 'done' && detail === '')
        fault(`ended ${outcome} on ${node} without a reason`);
    }
    if (known.length === 0) fault('was accepted, and neither side knows of it');
    const [a, b] = known;
    if (mayLose && a?.outcome === 'done' && b?.outcome === 'lost') continue;
    if (a && b && a.outcome !== '' && b.outcome !== '' && (a.outcome === 'done') !== (b.outcome === 'done'))
      fault(`ended ${a.outcome} on ${a.node} and ${b.outcome} on ${b.node}`);
  }
  return found;
}
