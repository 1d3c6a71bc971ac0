/**
 * Out of an overload (paper, section 5): the overloaded node keeps its busiest VM, which dirties memory fastest, and
 * its other active VMs go to idle nodes.
 */
import { byId, nodesByCpuDesc, vmsByCpuDesc } from '../order.ts';
import { count, percent, reasons, seconds } from '../sentences.ts';
import type { NodeView, Refusal, VmView } from '../types.ts';
import type { Draft, Place } from './draft.ts';
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
import { wakeFor } from './wake.ts';

export function spread(draft: Draft): void {
  const { view, config } = draft;
  const overloaded = view.nodes.filter(n => isOverloaded(n, config)).sort(nodesByCpuDesc);
  for (const node of overloaded) {
    if (draft.refuse(nodeGate(node, view, config))) continue;
    if (node.overloadedForMs < config.holdMs) {
      const numbers = { forMs: node.overloadedForMs, holdMs: config.holdMs };
      const lasted = `${seconds(numbers.forMs)} of the ${seconds(numbers.holdMs)} that it must last`;
      draft.refuse(refusal('hold', '', node.node, numbers, `${node.name} has been overloaded for ${lasted}`));
      continue;
    }
    relieve(draft, node);
  }
}

function relieve(draft: Draft, node: NodeView): void {
  const active = node.vms.filter(vm => isActive(vm, draft.config)).sort(vmsByCpuDesc);
  const movable = active.slice(node.cores).filter(vm => !draft.refuse(vmGate(vm, node, draft.view)));
  const fresh = movable.filter(vm => vm.backoffMs === 0);
  const before = draft.moves.length;
  for (const vm of fresh) place(draft, vm, node, active.length);
  const resting = movable.filter(vm => vm.backoffMs > 0);
  // A VM in backoff is moved only when nothing else helps (policy.md).
  const helped = draft.moves.length > before;
  for (const vm of resting) if (helped) draft.refuse(backoffRefusal(vm, node));
  if (!helped) for (const vm of resting) place(draft, vm, node, active.length);
}

function place(draft: Draft, vm: VmView, from: NodeView, active: number): void {
  const waits = draft.noOutflow(vm, from);
  if (waits) {
    draft.refuse({ ...waits, sentence: `${vm.name} waits: ${waits.sentence}` });
    return;
  }
  const places: Place[] = draft.view.nodes
    .filter(to => to.node !== from.node)
    .map(to => ({ to, no: noPlace(draft, vm, from, to) }));
  const idle = best(draft, places, to => isIdle(to, draft.config));
  const woken = idle ? undefined : wakeFor(draft, vm);
  const target = idle ?? (woken ? undefined : best(draft, places, () => true));
  draft.looked(vm, places, target, draft.projection);
  if (target) {
    draft.move(vm, from, target, 'overload', `${active} active VMs share ${count(from.cores, 'core')}`);
    return;
  }
  const numbers = {
    cpuPermille: from.cpuPermille,
    memoryMib: vm.memoryMib,
    looked: places.length,
    woken: woken ? 1 : 0,
  };
  const why = reasons(places.flatMap(p => (p.no && p.no.code !== 'asleep' ? [p.no.sentence] : [])));
  const words = woken ? `${woken.name} is asked to wake for it` : why;
  const sentence = `${vm.name} stays on ${from.name} (${percent(from.cpuPermille)}): ${words}`;
  draft.refuse(refusal('no-target', vm.vm, from.node, numbers, sentence));
}

/** Why a node cannot take the VM now, or undefined. */
function noPlace(draft: Draft, vm: VmView, from: NodeView, to: NodeView): Refusal | undefined {
  const { view, config, projection } = draft;
  const gate = nodeGate(to, view, config) ?? targetGate(from, to);
  if (gate) return gate;
  if (isOverloaded(to, config)) {
    const words = `${to.name} is overloaded itself (${percent(to.cpuPermille)})`;
    return refusal('fits-cpu', vm.vm, to.node, { before: to.cpuPermille }, words);
  }
  const no = draft.noInflow(vm, to) ?? draft.noRoom(vm, to, config.overloadPermille, projection);
  if (no || isIdle(to, config)) return no;
  // A busy node is the lesser evil only if it ends up below where the source stands now.
  const [now, after] = [projection.permille(from.node), projection.with(to.node, vm)];
  if (after < now) return undefined;
  const words = `${to.name} would come to ${percent(after)}, no less than ${from.name} has (${percent(now)})`;
  return refusal('no-gain', vm.vm, to.node, { now, after }, words);
}

/** The emptiest node that can take it; each gets one VM of this round before any gets a second. */
function best(draft: Draft, places: Place[], wanted: (to: NodeView) => boolean): NodeView | undefined {
  const { projection } = draft;
  const fits = places.filter(({ to, no }) => !no && wanted(to)).map(({ to }) => to);
  return fits.sort(
    (a, b) =>
      projection.node(a.node).arriving - projection.node(b.node).arriving ||
      projection.permille(a.node) - projection.permille(b.node) ||
      byId(a.node, b.node),
  )[0];
}
