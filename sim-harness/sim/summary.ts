/** Sums over many runs: what `npm run sim -- --seeds N --json` prints. */
import type { RunResult } from './run.ts';

export type Failure = { seed: number; violations: string[] };

export type Summary = {
  seeds: number;
  /** VMs that went on on another node. */
  moves: number;
  /** Accepted ones. */
  handoffs: number;
  injected: Record<string, number>;
  /** Handoffs by the last record of their source. */
  outcomes: Record<string, number>;
  violations: Failure[];
  events: number;
  /** Cells of the handoff tables by `table state event`, and how often each was looked up. */
  cells: Record<string, number>;
};

export const emptySummary = (): Summary => ({
  seeds: 0,
  moves: 0,
  handoffs: 0,
  injected: {},
  outcomes: {},
  violations: [],
  events: 0,
  cells: {},
});

export function addRun(sum: Summary, run: RunResult): void {
  sum.seeds += 1;
  sum.moves += run.moves;
  sum.events += run.events;
  sum.handoffs += Object.values(run.outcomes).reduce((a, b) => a + b, 0);
  addCounts(sum.injected, run.injected);
  addCounts(sum.outcomes, run.outcomes);
  if (run.violations.length > 0) sum.violations.push({ seed: run.seed, violations: run.violations });
}

export function addSummary(sum: Summary, part: Summary): void {
  sum.seeds += part.seeds;
  sum.moves += part.moves;
  sum.handoffs += part.handoffs;
  sum.events += part.events;
  addCounts(sum.injected, part.injected);
  addCounts(sum.outcomes, part.outcomes);
  addCounts(sum.cells, part.cells);
  sum.violations.push(...part.violations);
}

function addCounts(sum: Record<string, number>, part: Record<string, number>): void {
  for (const [key, count] of Object.entries(part)) sum[key] = (sum[key] ?? 0) + count;
}
