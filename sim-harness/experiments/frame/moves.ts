/** What the nodes say of their handoffs, as moves since the load began. Pure. */
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { type Move, moveOf } from '../../demo/report.ts';

/** A source's and a target's words about one handoff, as they come from the nodes. */
export type Follow = HandoffStatus;

/** Those that were decided since then, as both sides tell of them; only a source knows when that was. */
export function since(handoffs: readonly Follow[], begunMs: number): Follow[] {
  const own = new Set(
    handoffs.filter(one => one.role === 'source' && one.at.decided >= begunMs).map(one => one.handoff),
  );
  return handoffs.filter(one => own.has(one.handoff));
}

/** In the order in which they were decided; none that was refused, which moves nothing. */
export function movesOf(handoffs: readonly Follow[], begunMs: number): Move[] {
  return handoffs
    .filter(handoff => handoff.role === 'source' && handoff.outcome !== 'refused')
    .sort((a, b) => a.at.decided - b.at.decided)
    .map(source => moveOf(source, targetOf(source, handoffs), begunMs));
}

export const targetOf = (source: Follow, handoffs: readonly Follow[]): Follow | undefined =>
  handoffs.find(other => other.handoff === source.handoff && other.role === 'target');

/** How long the vCPUs of a VM stood for pages, s: of all its moves, by the page servers of its targets. */
export function blockedS(handoffs: readonly Follow[], vm: string): number {
  const us = handoffs
    .filter(handoff => handoff.name === vm && handoff.role === 'target')
    .flatMap(handoff => handoff.blocked.filter(one => isVcpu(one.thread)))
    .reduce((sum, one) => sum + one.us, 0);
  return us / 1e6;
}

/** As QEMU names the threads that run guest code (`CPU 0/TCG`, `CPU 0/KVM`). */
export const isVcpu = (thread: string): boolean => /^CPU \d+\//.test(thread);

/** A time on the target's side after which nothing of the VM is at the source. */
const goneMs = (move: Move): number => move.switchedAtMs + Math.max(0, move.transferMs);

/**
 * For how long a node was needed that held nothing at the beginning, s: from the first decision to move a VM there (it must be
 * awake to take it in) until it held no VM and no page of one. Under post-copy a source is needed until its last page is out; so
 * the paper's 260 and 320 s are to be read (`facts/sim.md`).
 */
export function neededS(moves: readonly Move[], node: string, endMs: number): number {
  const here = new Set<string>();
  let [sinceMs, sumMs] = [0, 0];
  for (const move of moves.filter(one => one.outcome === 'done')) {
    if (move.to === node) {
      if (here.size === 0) sinceMs = move.decidedAtMs;
      here.add(move.vm);
    } else if (move.from === node && here.delete(move.vm) && here.size === 0) sumMs += goneMs(move) - sinceMs;
  }
  return (here.size > 0 ? sumMs + endMs - sinceMs : sumMs) / 1000;
}
