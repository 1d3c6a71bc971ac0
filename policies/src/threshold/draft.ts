/** A decision in the making: moves on paper, refusals, and the caps that hold for both halves of the rule. */
import { Projection } from '../projection.ts';
import { count, moveSentence, percent } from '../sentences.ts';
import type {
  Candidate,
  Decision,
  Move,
  MoveReasonCode,
  NodeView,
  Refusal,
  ThresholdConfig,
  View,
  VmView,
} from '../types.ts';
import { refusal } from './gates.ts';

/** A node as a place for a VM: `no` is why not. */
export type Place = { to: NodeView; no: Refusal | undefined };

export class Draft {
  readonly view: View;
  readonly config: ThresholdConfig;
  readonly projection: Projection;
  readonly moves: Move[] = [];
  readonly refusals: Refusal[] = [];
  readonly candidates: Candidate[] = [];
  readonly wake: Decision['wake'] = [];
  suspend: string[] = [];
  /** What nodes asked to wake will take, thousandths of a core and MiB. */
  readonly wakePlan = new Map<string, { milli: number; mib: number }>();

  constructor(view: View, config: ThresholdConfig) {
    this.view = view;
    this.config = config;
    this.projection = new Projection(view);
  }

  refuse(refused: Refusal | undefined): boolean {
    if (refused) this.refusals.push(refused);
    return refused !== undefined;
  }

  /** Why `to` has no room for the VM on `paper`, below `limit` permille of CPU; undefined = it has. */
  noRoom(vm: VmView, to: NodeView, limit: number, paper: Projection): Refusal | undefined {
    const { memoryFreeMib } = paper.node(to.node);
    if (memoryFreeMib < vm.memoryMib) {
      const words = `${to.name} has ${memoryFreeMib} MiB free, it needs ${vm.memoryMib} MiB`;
      const numbers = { freeMib: memoryFreeMib, needMib: vm.memoryMib };
      return refusal('fits-memory', vm.vm, to.node, numbers, words);
    }
    const [before, after] = [paper.permille(to.node), paper.with(to.node, vm)];
    if (after < limit) return undefined;
    const words = `${to.name} would go from ${percent(before)} to ${percent(after)}, ${percent(limit)} is the limit`;
    return refusal('fits-cpu', vm.vm, to.node, { before, after, limit }, words);
  }

  noInflow(vm: VmView, to: NodeView): Refusal | undefined {
    const { inflow } = this.projection.node(to.node);
    const max = this.config.maxInflow;
    if (inflow < max) return undefined;
    const words = `${to.name} takes in ${count(max, 'VM')} at a time and has ${inflow} coming`;
    return refusal('inflow', vm.vm, to.node, { now: inflow, max }, words);
  }

  noOutflow(vm: VmView, from: NodeView): Refusal | undefined {
    const { outflow } = this.projection.node(from.node);
    const max = this.config.maxOutflow;
    if (outflow < max) return undefined;
    const words = `${from.name} gives away ${count(max, 'VM')} at a time and has ${outflow} leaving`;
    return refusal('outflow', vm.vm, from.node, { now: outflow, max }, words);
  }

  /** Writes down what was found about every place for a VM. */
  looked(vm: VmView, places: readonly Place[], chosen: NodeView | undefined, paper: Projection): void {
    for (const { to, no } of places) {
      this.candidates.push({
        vm: vm.vm,
        node: to.node,
        verdict: to === chosen ? 'chosen' : no ? 'refused' : 'fits',
        code: no?.code ?? '',
        cpuAfter: paper.with(to.node, vm),
        memoryFreeAfter: paper.node(to.node).memoryFreeMib - vm.memoryMib,
      });
    }
  }

  /** Puts the move on paper if both nodes may take part in one more handoff now; else says which may not. */
  move(vm: VmView, from: NodeView, to: NodeView, reason: MoveReasonCode, why: string): boolean {
    const waits = this.noOutflow(vm, from) ?? this.noInflow(vm, to);
    if (waits) {
      this.refuse({ ...waits, sentence: `${vm.name} waits: ${waits.sentence}` });
      return false;
    }
    const projected = this.projection.move(vm, from.node, to.node);
    this.moves.push({
      vm: vm.vm,
      name: vm.name,
      from: from.node,
      to: to.node,
      reason,
      engine: vm.migration === 'precopy' || vm.migration === 'qemu-postcopy' ? vm.migration : 'postcopy',
      projected,
      sentence: moveSentence(vm, from, to, projected, why),
    });
    return true;
  }

  decision(): Decision {
    const { moves, refusals, candidates, wake, suspend } = this;
    return { moves, refusals, candidates, wake, suspend };
  }
}
