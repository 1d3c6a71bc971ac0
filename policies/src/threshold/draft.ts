/** A decision in the making: moves on paper, refusals, and the caps that hold for both halves of the rule. */
import { Projection } from '../projection.ts';
import { moveSentence } from '../sentences.ts';
import type {
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

export class Draft {
  readonly view: View;
  readonly config: ThresholdConfig;
  readonly projection: Projection;
  readonly moves: Move[] = [];
  readonly refusals: Refusal[] = [];
  readonly wake: string[] = [];

  constructor(view: View, config: ThresholdConfig) {
    this.view = view;
    this.config = config;
    this.projection = new Projection(view);
  }

  refuse(refused: Refusal | undefined): boolean {
    if (refused) this.refusals.push(refused);
    return refused !== undefined;
  }

  fitsMemory(vm: VmView, to: NodeView): boolean {
    return this.projection.node(to.node).memoryFreeMib - this.config.reserveMib >= vm.memoryMib;
  }

  hasInflow(to: NodeView): boolean {
    return this.projection.node(to.node).inflow < this.config.maxInflow;
  }

  hasOutflow(from: NodeView): boolean {
    return this.projection.node(from.node).outflow < this.config.maxOutflow;
  }

  /** Puts the move on paper if both nodes may take part in one more handoff now; else says which may not. */
  move(vm: VmView, from: NodeView, to: NodeView, reason: MoveReasonCode, why: string): boolean {
    if (!this.hasOutflow(from)) {
      this.refuse(capRefusal('outflow', vm, from, this.config.maxOutflow));
      return false;
    }
    if (!this.hasInflow(to)) {
      this.refuse(capRefusal('inflow', vm, to, this.config.maxInflow));
      return false;
    }
    const projected = this.projection.move(vm, from.node, to.node);
    this.moves.push({
      vm: vm.vm,
      name: vm.name,
      from: from.node,
      to: to.node,
      reason,
      engine: vm.migration === 'precopy' ? 'precopy' : 'postcopy',
      projected,
      sentence: moveSentence(vm, from, to, projected, why),
    });
    return true;
  }

  decision(): Decision {
    return { moves: this.moves, refusals: this.refusals, wake: this.wake, suspend: [] };
  }
}

const capRefusal = (code: 'inflow' | 'outflow', vm: VmView, node: NodeView, max: number): Refusal =>
  refusal(
    code,
    vm.vm,
    node.node,
    { max },
    `${vm.name} waits: ${node.name} takes part in ${max} handoff(s) ${code === 'inflow' ? 'in' : 'out'} at a time`,
  );
