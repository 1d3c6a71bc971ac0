/** Cells for tests, with only what a test is about. */
import type { Move } from '../../demo/report.ts';
import type { Cell } from './types.ts';

export const QUIET = { share: 0, cores: [0, 0] };

export function cellOf(over: Partial<Cell> & { figures?: Record<string, number> } = {}): Cell {
  const { figures = {}, ...rest } = over;
  return {
    ...{ experiment: 'staircase', isQuick: false, arm: 'postcopy', repetition: 1, commit: 'abc' },
    ...{ atMs: 0, seconds: 100, discarded: '', machine: {} },
    measured: { figures, series: [], moves: [], badPages: 0, others: QUIET },
    ...rest,
  };
}

export const moveFor = (over: Partial<Move>): Move => ({
  ...{ vm: 'vm0', from: 'node0', to: 'node1', reason: 'overload', engine: 'postcopy', outcome: 'done' },
  ...{
    decidedAtMs: 0,
    switchedAtMs: 0,
    switchMs: 0,
    blackoutMs: 0,
    transferMs: 0,
    wireBytes: 0,
    badPages: 0,
  },
  faults: { count: 0, p50Us: 0, p99Us: 0, maxUs: 0 },
  ...over,
});
