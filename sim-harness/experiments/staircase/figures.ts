/** What a staircase comes to. Pure. */
import type { Move } from '../../demo/report.ts';
import { VM1_STEPS_PERCENT } from '../../demo/staircase.ts';
import { lostS, type Want } from '../frame/demand.ts';
import { overloadedAtS } from '../frame/detection.ts';
import { neededS, targetOf } from '../frame/moves.ts';
import type { Seen } from '../frame/stage.ts';

const VMS = ['vm0', 'vm1'];
const FULL_PERCENT = 100;
const NOT_MEASURED = -1;

export function stairFigures(
  { series, moves, handoffs, endMs }: Seen,
  stepMs: number,
  windowS: number,
): Record<string, number> {
  const upMs = VM1_STEPS_PERCENT.indexOf(FULL_PERCENT) * stepMs;
  const downMs = (VM1_STEPS_PERCENT.length - 1) * stepMs;
  const out = moves.find(move => move.decidedAtMs >= upMs && move.reason === 'overload');
  const back = moves.find(move => move.decidedAtMs >= downMs && move.reason === 'consolidate');
  const source = handoffs.find(
    handoff => handoff.role === 'source' && handoff.name === out?.vm && handoff.reason === 'overload',
  );
  const dueS = overloadedAtS(series, 'node0', VMS, upMs / 1000, windowS);
  return {
    detectS: since(upMs, out?.decidedAtMs),
    ruleLagS: out && dueS >= 0 ? out.decidedAtMs / 1000 - dueS : NOT_MEASURED,
    prepareS:
      source && targetOf(source, handoffs) ? since(source.at.decided, source.at.migrate) : NOT_MEASURED,
    reliefS: out ? since(out.decidedAtMs, out.switchedAtMs) : NOT_MEASURED,
    overloadS: since(upMs, out?.switchedAtMs),
    vm1LostS: lostS(series, 'vm1', wants(stepMs), upMs / 1000, (upMs + stepMs) / 1000),
    packDetectS: since(downMs, back?.decidedAtMs),
    packedS: since(downMs, back && goneMs(back)),
    neededS: neededS(moves, 'node1', endMs),
    moves: moves.length,
  };
}

/** s; -1 where the end was not seen. */
const since = (fromMs: number, toMs: number | undefined): number =>
  toMs === undefined || toMs < 0 ? NOT_MEASURED : (toMs - fromMs) / 1000;

const goneMs = (move: Move): number => move.switchedAtMs + Math.max(0, move.transferMs);

const wants = (stepMs: number): Want[] =>
  VM1_STEPS_PERCENT.map((percent, i) => ({ atS: (i * stepMs) / 1000, vm: 'vm1', percent }));
