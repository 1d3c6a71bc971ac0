/**
 * Out of an overload (paper, section 5): the overloaded node keeps its busiest VM, which dirties memory fastest, and
 * its other active VMs go to idle nodes.
 */
import { byId, nodesByCpuDesc, vmsByCpuDesc } from '../order.ts';
import { percent } from '../sentences.ts';
import type { NodeView, VmView } from '../types.ts';
import type { Draft } from './draft.ts';
import {
  backoffRefusal,
  isActive,
  isIdle,
  isOverloaded,
  nodeGate,
  refusal,
  targetGate,
  vmGate,
} from './gates.ts';

export function spread(draft: Draft): void {
  const { view, config } = draft;
  const overloaded = view.nodes.filter(n => isOverloaded(n, config)).sort(nodesByCpuDesc);
  for (const node of overloaded) {
    if (draft.refuse(nodeGate(node, view, config))) continue;
    if (node.overloadedForMs < config.holdMs) {
      const numbers = { forMs: node.overloadedForMs, holdMs: config.holdMs };
      draft.refuse(
        refusal('hold', '', node.node, numbers, `${node.name} is overloaded only since ${numbers.forMs} ms`),
      );
      continue;
    }
    relieve(draft, node);
  }
}

function relieve(draft: Draft, node: NodeView): void {
  const active = node.vms.filter(vm => isActive(vm, draft.config)).sort(vmsByCpuDesc);
  const movable = active.slice(node.cores).filter(vm => !draft.refuse(vmGate(vm, node)));
  const fresh = movable.filter(vm => vm.backoffMs === 0);
  const before = draft.moves.length;
  for (const vm of fresh) place(draft, vm, node);
  const resting = movable.filter(vm => vm.backoffMs > 0);
  // A VM in backoff is moved only when nothing else helps (policy.md).
  const helped = draft.moves.length > before;
  for (const vm of resting) if (helped) draft.refuse(backoffRefusal(vm, node));
  if (!helped) for (const vm of resting) place(draft, vm, node);
}

function place(draft: Draft, vm: VmView, from: NodeView): void {
  const active = from.vms.filter(v => isActive(v, draft.config)).length;
  const why = `${active} active VMs share ${from.cores} core(s)`;
  const target = idleTarget(draft, vm, from) ?? lesserEvil(draft, vm, from);
  if (target) {
    draft.move(vm, from, target, 'overload', why);
    return;
  }
  const sleeping = draft.view.nodes.filter(n => n.state === 'asleep').sort((a, b) => byId(a.node, b.node));
  const next = sleeping.find(n => !draft.wake.includes(n.node));
  if (next) draft.wake.push(next.node);
  const numbers = { cpuPermille: from.cpuPermille, memoryMib: vm.memoryMib, asleep: sleeping.length };
  draft.refuse(
    refusal(
      'no-target',
      vm.vm,
      from.node,
      numbers,
      `${vm.name} stays on ${from.name} (${percent(from.cpuPermille)}): no node has room for it` +
        (next ? `, ${next.name} is asked to wake` : ''),
    ),
  );
}

const candidates = (draft: Draft, vm: VmView, from: NodeView): NodeView[] =>
  draft.view.nodes.filter(
    to =>
      to.node !== from.node &&
      !nodeGate(to, draft.view, draft.config) &&
      !targetGate(from, to) &&
      draft.hasInflow(to) &&
      draft.fitsMemory(vm, to),
  );

/** Idle nodes that stay below overload with it: the emptiest first, one VM each before any gets a second. */
function idleTarget(draft: Draft, vm: VmView, from: NodeView): NodeView | undefined {
  const { projection, config } = draft;
  const fits = candidates(draft, vm, from).filter(
    to => isIdle(to, config) && projection.with(to.node, vm) < config.overloadPermille,
  );
  const rank = (n: NodeView) => [projection.node(n.node).arriving, projection.permille(n.node)] as const;
  return fits.sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    return x[0] - y[0] || x[1] - y[1] || byId(a.node, b.node);
  })[0];
}

/** No idle node: the least loaded one that stays below overload with it, if that is better than what is. */
function lesserEvil(draft: Draft, vm: VmView, from: NodeView): NodeView | undefined {
  const { projection, config } = draft;
  const now = projection.permille(from.node);
  const fits = candidates(draft, vm, from).filter(to => {
    const then = projection.with(to.node, vm);
    return then < config.overloadPermille && then < now;
  });
  return fits.sort(
    (a, b) => projection.permille(a.node) - projection.permille(b.node) || byId(a.node, b.node),
  )[0];
}
