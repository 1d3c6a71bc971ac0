/**
 * Which nodes need not be awake (paper, section 4): those without VMs, less the reserve. Everybody works out the same list; a
 * node sleeps only if every other one finds it there too (docs/decisions/0026).
 */
import { byId } from '../order.ts';
import type { NodeView } from '../types.ts';
import type { Draft } from './draft.ts';
import { hosted, isOverloaded } from './gates.ts';

/** With a third node one may stand by: a VM that wants more need not wait for a wake. Two have only each other. */
const RESERVE = { small: 0, smallNodes: 2, else: 1 };

/** The highest ids: whoever is woken is the lowest, so that a node is not woken and sent to sleep in turns. */
export function maySleep(draft: Draft): string[] {
  const { view, config } = draft;
  const awake = view.nodes.filter(n => n.state === 'awake');
  // Whoever wants room may want one of these in a moment.
  if (draft.moves.length + draft.wake.length > 0) return [];
  if (awake.some(n => isOverloaded(n, config))) return [];
  const empty = awake.filter(isEmpty);
  const reserve = config.hostsInReserve < 0 ? reserveOf(view.nodes.length) : config.hostsInReserve;
  // One stays awake in any case: somebody must be there to wake the others.
  const most = Math.min(empty.length - reserve, awake.length - 1);
  return [...empty]
    .sort((a, b) => byId(b.node, a.node))
    .slice(0, Math.max(0, most))
    .map(n => n.node);
}

export const reserveOf = (nodes: number): number =>
  nodes <= RESERVE.smallNodes ? RESERVE.small : RESERVE.else;

/** A cordoned node is in somebody's hands: it neither sleeps by itself nor stands in reserve. */
const isEmpty = (n: NodeView): boolean =>
  n.mode === 'auto' && !n.paused && !n.cordoned && n.inflow + n.outflow === 0 && hosted(n).length === 0;
