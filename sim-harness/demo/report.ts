/** What a demo run found, and what that means. Pure: the judge is other code than what ran. */
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';

export type Move = {
  vm: string;
  from: string;
  to: string;
  reason: string;
  engine: string;
  outcome: string;
  /** When the rule decided, ms since the staircase began. */
  decidedAtMs: number;
  /** When the guest ran on the target, ms since the staircase began. */
  switchedAtMs: number;
  /** Command to migrate on the source to the guest running on the target. */
  switchMs: number;
  /** Guest stopped on the source to guest running on the target. */
  blackoutMs: number;
  /** Guest running on the target to all its pages being there. */
  transferMs: number;
  wireBytes: number;
  faults: { count: number; p50Us: number; p99Us: number; maxUs: number };
  /** From the guest itself: pages whose pattern was wrong after the move. -1 = it never said. */
  badPages: number;
};

export type Sample = {
  atMs: number;
  nodes: Record<string, number>;
  vms: Record<string, number>;
  on: Record<string, string>;
};

export type Report = {
  verdict: 'ok' | 'failed' | 'inconclusive';
  why: string[];
  machine: Record<string, string | number>;
  settings: Record<string, string | number>;
  /** Share of the cores that processes outside the demo used. */
  strangersShare: number;
  moves: Move[];
  samples: Sample[];
};

/** Both sides' words about one handoff: their clocks are one on a single machine. */
export function moveOf(source: HandoffStatus, target: HandoffStatus | undefined, startedAtMs: number): Move {
  const span = (from: number, to: number | undefined) =>
    from >= 0 && to !== undefined && to >= 0 ? Number((to - from).toFixed(1)) : -1;
  return {
    vm: source.name,
    from: source.source,
    to: source.target,
    reason: source.reason,
    engine: source.engine,
    outcome: source.outcome,
    decidedAtMs: Math.round(source.at.decided - startedAtMs),
    switchedAtMs: target && target.at.resumed >= 0 ? Math.round(target.at.resumed - startedAtMs) : -1,
    switchMs: span(source.at.migrate, target?.at.resumed),
    blackoutMs: span(source.at.stopped, target?.at.resumed),
    transferMs: target ? span(target.at.resumed, target.at.transferred) : -1,
    wireBytes: target?.wireBytes ?? -1,
    faults: target?.faults ?? { count: -1, p50Us: -1, p99Us: -1, maxUs: -1 },
    badPages: -1,
  };
}

/** Above this share of the cores others decide how the run ends, not the rule. */
export const STRANGERS_MAX_SHARE = 0.15;

/** What the paper's staircase asks for: out of the overload, and together again at the end. */
export function judgeRun(
  moves: Move[],
  samples: Sample[],
  strangersShare: number,
): Pick<Report, 'verdict' | 'why'> {
  const why: string[] = [];
  const [first, second] = moves;
  if (moves.length !== 2) why.push(`the rule asks for exactly 2 moves, there were ${moves.length}`);
  if (first && (first.reason !== 'overload' || first.vm !== 'vm0'))
    why.push(`the first move should take vm0 out of the overload, it was ${first.vm} (${first.reason})`);
  if (second && second.reason !== 'consolidate')
    why.push(`the second move should pack, it was for ${second.reason}`);
  for (const move of moves) {
    if (move.outcome !== 'done') why.push(`the move of ${move.vm} to ${move.to} ended as ${move.outcome}`);
    if (move.badPages !== 0)
      why.push(
        move.badPages < 0
          ? `${move.vm} never said whether its memory is whole`
          : `${move.badPages} pages of ${move.vm} were wrong after its move`,
      );
  }
  const last = samples.at(-1)?.on ?? {};
  if (new Set(Object.values(last)).size !== 1 || Object.keys(last).length !== 2)
    why.push('both VMs should be on one node at the end');
  if (strangersShare > STRANGERS_MAX_SHARE) {
    why.unshift(`others used ${Math.round(strangersShare * 100)} % of the cores: this run proves nothing`);
    return { verdict: 'inconclusive', why };
  }
  return { verdict: why.length ? 'failed' : 'ok', why };
}
