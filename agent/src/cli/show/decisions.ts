/** Frozen decisions, newest first: when, what was done about them, the moves and the refusals in sentences. */
import type { DecisionRecord } from '../../edge/http/api.types.ts';
import { moment } from '../format.ts';
import type { Style } from '../style.ts';

export function decisions(rows: readonly DecisionRecord[], nowMs: number, style: Style): string[] {
  if (rows.length === 0) return ['This node has kept no decision.'];
  return rows.flatMap(({ atMs, action, rule, decision: { moves, refusals } }) => [
    `${style.bold(moment(atMs, nowMs))}  ${action}  ${style.dim(rule)}`,
    ...moves.map(m => `  ${style.good('move')}     ${m.name}: ${m.reason}. ${m.sentence}`),
    ...refusals.map(r => `  ${style.warn('refused')}  ${r.code}. ${r.sentence}`),
    ...(moves.length + refusals.length === 0 ? ['  nothing asked for'] : []),
  ]);
}
