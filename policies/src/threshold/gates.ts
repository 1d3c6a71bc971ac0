/** What keeps a node or a VM out of a decision, each as a refusal with its numbers. */
import { seconds } from '../sentences.ts';
import type { NodeView, Refusal, RefusalCode, ThresholdConfig, View, VmView } from '../types.ts';

export const refusal = (
  code: RefusalCode,
  vm: string,
  node: string,
  numbers: Record<string, number>,
  sentence: string,
): Refusal => ({ code, vm, node, numbers, sentence });

/** Left of the cooldown that holds for this node, ms; 0 = none (paper: after a relocation nothing for 10 s). */
export function cooldownLeftMs(view: View, node: NodeView | undefined, config: ThresholdConfig): number {
  const counted = config.cooldownScope === 'cluster' || !node ? view.nodes : [node];
  const ages = counted.map(n => n.sinceRelocationMs).filter(ms => ms >= 0);
  return Math.max(0, config.cooldownMs - Math.min(Number.MAX_SAFE_INTEGER, ...ages));
}

/** Why a node takes no part at all, or undefined. */
export function nodeGate(node: NodeView, view: View, config: ThresholdConfig): Refusal | undefined {
  const no = (code: RefusalCode, numbers: Record<string, number>, words: string) =>
    refusal(code, '', node.node, numbers, `${node.name} ${words}`);
  if (node.state === 'asleep') return no('asleep', {}, 'is asleep');
  if (node.state === 'unwakeable') return no('asleep', {}, 'is asleep, and did not wake when it was called');
  if (node.state !== 'awake')
    return no('stale', { ageMs: node.ageMs }, `has been silent for ${seconds(node.ageMs)}`);
  if (node.paused) return no('paused', {}, 'is paused');
  if (!node.windowFull) return no('window', {}, 'has no whole window yet that no move has touched');
  const leftMs = config.cooldownScope === 'node' ? cooldownLeftMs(view, node, config) : 0;
  if (leftMs > 0)
    return no('cooldown', { leftMs }, `rests after a relocation for another ${seconds(leftMs)}`);
  return undefined;
}

/** Why a VM stays whatever the rule says, or undefined. Backoff is apart: an overload may override it. */
export function vmGate(vm: VmView, node: NodeView, view: View): Refusal | undefined {
  const no = (code: RefusalCode, numbers: Record<string, number>, words: string) =>
    refusal(code, vm.vm, node.node, numbers, `${vm.name} ${words}`);
  if (vm.state !== 'running') return no('not-running', {}, `is ${vm.state}`);
  if (vm.moving) return no('moving', {}, 'is in a handoff');
  const rival = rivalOf(vm, node, view);
  if (rival) {
    const words = `is claimed by ${node.name} and ${rival.name}: it stays until one of them gives it up`;
    return no('claimed', {}, words);
  }
  if (vm.migration === 'never') return no('migration-never', {}, 'may not be moved (migration: never)');
  if (vm.pinnedMs > 0)
    return no('pinned', { leftMs: vm.pinnedMs }, `is pinned for another ${seconds(vm.pinnedMs)}`);
  return undefined;
}

/** Another living node that says the VM is its own: both freeze its moves (handoff.md, Identity). */
export const rivalOf = (vm: VmView, node: NodeView, view: View): NodeView | undefined =>
  view.nodes.find(n => n.node !== node.node && n.state === 'awake' && n.vms.some(v => v.vm === vm.vm));

export const backoffRefusal = (vm: VmView, node: NodeView): Refusal =>
  refusal(
    'backoff',
    vm.vm,
    node.node,
    { leftMs: vm.backoffMs },
    `${vm.name} came back to a node that it had left: it rests for another ${seconds(vm.backoffMs)}`,
  );

/** A guest whose pages still come runs like any other; a stopped one has at most a memory of load in its window. */
export const isActive = (vm: Pick<VmView, 'state' | 'cpuMilli'>, config: ThresholdConfig): boolean =>
  (vm.state === 'running' || vm.state === 'degraded') && vm.cpuMilli >= config.activeVmMilli;

/** Paper: CPU ≥ 90 % and two or more active VMs; with C cores: more active VMs than cores. */
export const isOverloaded = (
  node: Pick<NodeView, 'cpuPermille' | 'cores'> & { vms: readonly Pick<VmView, 'state' | 'cpuMilli'>[] },
  config: ThresholdConfig,
): boolean =>
  node.cpuPermille >= config.overloadPermille &&
  node.vms.filter(vm => isActive(vm, config)).length > node.cores;

/** A stopped or crashed VM runs nowhere: it neither needs packing nor keeps its node awake. */
export const needsNode = ({ state }: Pick<VmView, 'state'>): boolean =>
  state !== 'stopped' && state !== 'crashed' && state !== 'lost';

export const hosted = (node: Pick<NodeView, 'vms'>): VmView[] => node.vms.filter(needsNode);

export const isIdle = (node: NodeView, config: ThresholdConfig): boolean =>
  node.cpuPermille < config.idlePermille;

/** May `to` be a target of `from` at all? A node that only watches takes nothing from one that acts. */
export function targetGate(from: NodeView, to: NodeView): Refusal | undefined {
  if (to.cordoned) return refusal('cordoned', '', to.node, {}, `${to.name} is cordoned`);
  if (from.mode === 'auto' && to.mode !== 'auto') {
    return refusal('mode', '', to.node, {}, `${to.name} only ${to.mode}s`);
  }
  return undefined;
}
