/**
 * Packing (paper, section 5): of two or more idle nodes that host VMs, all VMs go to the idle node with the highest
 * CPU. A node is packed away whole or not at all: a node that keeps one VM cannot sleep, so nothing would be gained.
 */
import { nodesByCpuDesc, vmsByCpuDesc } from '../order.ts';
import { Projection } from '../projection.ts';
import { reasons } from '../sentences.ts';
import type { NodeView, Refusal, VmView } from '../types.ts';
import type { Draft, Place } from './draft.ts';
import { backoffRefusal, hosted, isIdle, nodeGate, refusal, targetGate, vmGate } from './gates.ts';

type Row = { vm: VmView; to: NodeView };

export function pack(draft: Draft): void {
  const { view, config } = draft;
  const self = view.nodes.find(n => n.node === view.self);
  const idle = view.nodes.filter(n => isIdle(n, config) && hosted(n).length > 0);
  if (idle.length < 2) return;
  const able = idle.filter(
    n => !draft.refuse(nodeGate(n, view, config)) && !draft.refuse(policyGate(n, self)),
  );
  const ranked = [...able].sort(byElection);
  // What the whole packing would fill, while caps let only the first moves begin now.
  let planned = new Projection(view);
  const emptied = new Set<string>();
  const filled = new Set<string>();
  for (const [rank, source] of [...ranked.entries()].reverse()) {
    if (filled.has(source.node)) continue;
    const open = ranked.slice(0, rank).filter(t => !emptied.has(t.node));
    const trial = planned.copy();
    const rows = empty(draft, trial, source, open);
    if (!rows) continue;
    planned = trial;
    emptied.add(source.node);
    for (const { vm, to } of rows) {
      filled.add(to.node);
      draft.move(vm, source, to, 'consolidate', `both are idle, and ${source.name} can be emptied`);
    }
  }
}

/** Elected before, and still open for VMs, goes first; then the highest CPU. */
function byElection(a: NodeView, b: NodeView): number {
  const elected = (n: NodeView) => Number(n.elected && !n.cordoned);
  return elected(b) - elected(a) || nodesByCpuDesc(a, b);
}

/** All VMs of `source` with a place each, put on `paper`; or nothing and the reasons. */
function empty(draft: Draft, paper: Projection, source: NodeView, open: NodeView[]): Row[] | undefined {
  if (open.length === 0) return undefined;
  const vms = hosted(source).sort(vmsByCpuDesc);
  const stay = vms.map(
    vm => vmGate(vm, source, draft.view) ?? (vm.backoffMs > 0 ? backoffRefusal(vm, source) : undefined),
  );
  const stuck = stay.filter((r): r is Refusal => r !== undefined);
  if (stuck.length > 0) {
    draft.refusals.push(...stuck, noGain(source, stuck.length, vms.length));
    return undefined;
  }
  const rows: Row[] = [];
  for (const vm of vms) {
    const places: Place[] = open.map(to => ({
      to,
      no: targetGate(source, to) ?? draft.noRoom(vm, to, packLimit(draft), paper),
    }));
    const to = places.find(p => !p.no)?.to;
    draft.looked(vm, places, to, paper);
    if (!to) {
      const no = places.flatMap(p => p.no ?? []);
      const sentence = `${vm.name} stays on ${source.name}: ${reasons(no.map(r => r.sentence))}`;
      // The reason of the node that ranks highest stands for all; `candidates` has each.
      draft.refusals.push(...no.slice(0, 1).map(r => ({ ...r, vm: vm.vm, node: source.node, sentence })));
      return undefined;
    }
    paper.move(vm, source.node, to.node);
    rows.push({ vm, to });
  }
  return rows;
}

const packLimit = ({ config }: Draft): number => config.overloadPermille - config.packMarginPermille;

/** Packing needs agreement on the target: a node with other parameters might not elect the same. */
function policyGate(node: NodeView, self: NodeView | undefined): Refusal | undefined {
  if (!self || node.policyHash === self.policyHash) return undefined;
  return refusal('policy-differs', '', node.node, {}, `${node.name} runs another policy or other parameters`);
}

function noGain(node: NodeView, stuck: number, vms: number): Refusal {
  const which = vms === 1 ? 'its only VM' : `${stuck} of its ${vms} VMs`;
  return refusal(
    'no-gain',
    '',
    node.node,
    { stuck, vms },
    `${node.name} cannot be emptied: ${which} must stay`,
  );
}
