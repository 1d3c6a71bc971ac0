/**
 * Packing (paper, section 5): of two or more idle nodes that host VMs, all VMs go to the idle node with the highest
 * CPU. A node is packed away whole or not at all: a node that keeps one VM cannot sleep, so nothing would be gained.
 */
import { nodesByCpuDesc, vmsByCpuDesc } from '../order.ts';
import { Projection } from '../projection.ts';
import { percent } from '../sentences.ts';
import type { NodeView, Refusal, VmView } from '../types.ts';
import type { Draft } from './draft.ts';
import { backoffRefusal, isIdle, nodeGate, refusal, targetGate, vmGate } from './gates.ts';

type Row = { vm: VmView; to: NodeView };

export function pack(draft: Draft): void {
  const { view, config } = draft;
  const self = view.nodes.find(n => n.node === view.self);
  const idle = view.nodes.filter(n => isIdle(n, config) && hosted(n).length > 0);
  if (idle.length < 2) return;
  const able = idle.filter(
    n => !draft.refuse(nodeGate(n, view, config)) && !draft.refuse(policyGate(n, self)),
  );
  const targets = [...able].sort(nodesByCpuDesc);
  // What the whole packing would fill, while caps let only the first moves begin now.
  const planned = new Projection(view);
  const emptied = new Set<string>();
  const filled = new Set<string>();
  for (const source of [...targets].reverse()) {
    if (filled.has(source.node)) continue;
    const open = targets.filter(
      t => t.node !== source.node && !emptied.has(t.node) && ranksHigher(t, source),
    );
    const rows = empty(draft, planned, source, open);
    if (!rows) continue;
    emptied.add(source.node);
    const names = `${source.name} and ${[...new Set(rows.map(r => r.to.name))].join(', ')}`;
    for (const { vm, to } of rows) {
      filled.add(to.node);
      draft.move(vm, source, to, 'consolidate', `${names} are both idle`);
    }
  }
}

/** A stopped or crashed VM runs nowhere: it neither needs packing nor keeps its node awake. */
const hosted = (node: NodeView): VmView[] =>
  node.vms.filter(vm => vm.state !== 'stopped' && vm.state !== 'crashed' && vm.state !== 'lost');

const ranksHigher = (a: NodeView, b: NodeView): boolean => nodesByCpuDesc(a, b) < 0;

/** All VMs of `source` with a place each, on `planned` too; or nothing and the reasons. */
function empty(draft: Draft, planned: Projection, source: NodeView, open: NodeView[]): Row[] | undefined {
  if (open.length === 0) return undefined;
  const trial: Row[] = [];
  const vms = hosted(source).sort(vmsByCpuDesc);
  const stay = vms.map(
    vm => vmGate(vm, source) ?? (vm.backoffMs > 0 ? backoffRefusal(vm, source) : undefined),
  );
  const stuck = stay.filter((r): r is Refusal => r !== undefined);
  if (stuck.length > 0) {
    draft.refusals.push(...stuck, noGain(source, stuck.length));
    return undefined;
  }
  const taken = new Map<string, { milli: number; mib: number }>();
  for (const vm of vms) {
    const to = open.find(t => fits(draft, planned, vm, source, t, taken.get(t.node)));
    if (!to) {
      draft.refuse(
        refusal(
          'fits-cpu',
          vm.vm,
          source.node,
          { cpuMilli: vm.cpuMilli, memoryMib: vm.memoryMib, limitPermille: packLimit(draft) },
          `${vm.name} stays on ${source.name}: no idle node would stay below ${percent(packLimit(draft))} with it`,
        ),
      );
      return undefined;
    }
    const sum = taken.get(to.node) ?? { milli: 0, mib: 0 };
    taken.set(to.node, { milli: sum.milli + vm.cpuMilli, mib: sum.mib + vm.memoryMib });
    trial.push({ vm, to });
  }
  for (const { vm, to } of trial) planned.move(vm, source.node, to.node);
  return trial;
}

const packLimit = ({ config }: Draft): number => config.overloadPermille - config.packMarginPermille;

function fits(
  draft: Draft,
  planned: Projection,
  vm: VmView,
  source: NodeView,
  to: NodeView,
  taken = { milli: 0, mib: 0 },
): boolean {
  if (targetGate(source, to)) return false;
  const node = planned.node(to.node);
  const permille = Math.round((node.cpuMilli + taken.milli + vm.cpuMilli) / to.cores);
  const freeMib = node.memoryFreeMib - taken.mib - draft.config.reserveMib;
  return permille < packLimit(draft) && freeMib >= vm.memoryMib;
}

/** Packing needs agreement on the target: a node with other parameters might not elect the same. */
function policyGate(node: NodeView, self: NodeView | undefined): Refusal | undefined {
  if (!self || node.policyHash === self.policyHash) return undefined;
  return refusal('policy-differs', '', node.node, {}, `${node.name} runs another policy or other parameters`);
}

const noGain = (node: NodeView, stuck: number): Refusal =>
  refusal(
    'no-gain',
    '',
    node.node,
    { stuck },
    `${node.name} cannot be emptied: ${stuck} of its VMs must stay`,
  );
