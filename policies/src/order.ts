/** Total orders: every choice ends with the id, compared code unit by code unit (ids are ASCII), never by locale. */
import type { NodeView, VmView } from './types.ts';

export const byId = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Busiest first. */
export const nodesByCpuDesc = (a: NodeView, b: NodeView): number =>
  b.cpuPermille - a.cpuPermille || byId(a.node, b.node);

export const vmsByCpuDesc = (a: VmView, b: VmView): number => b.cpuMilli - a.cpuMilli || byId(a.vm, b.vm);
