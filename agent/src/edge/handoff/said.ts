/** The words of either side, filled in: what its table sends or answers, as a message without its head. Pure. */
import {
  type SourceAnswer,
  sourceRecord,
  type TargetAnswer,
  targetRecord,
} from '../../core/handoff/answers.ts';
import type { SourceState } from '../../core/handoff/source-kinds.ts';
import type { TargetState } from '../../core/handoff/target-kinds.ts';
import type { Verdict } from '../../core/judge-offer.ts';
import type { Said } from './words.ts';

export type SourceWord = SourceAnswer | 'ask';
/** `refuse` and `listening` are said where their contents are known. */
export type TargetWord = TargetAnswer | 'accept' | 'ask' | 'ended';

export function sourceSaid(word: SourceWord, at: { state: SourceState; epoch: number; why: string }): Said {
  switch (word) {
    case 'run':
      return { type: 'run', epoch: at.epoch };
    case 'abort':
      return { type: 'abort', reason: at.why || 'given up' };
    case 'record':
      return { type: 'record', role: 'source', state: sourceRecord(at.state) };
    default:
      return { type: word };
  }
}

export function targetSaid(word: TargetWord, at: { state: TargetState; epoch: number; why: string }): Said {
  switch (word) {
    case 'running':
      return { type: 'running', epoch: at.epoch };
    case 'not-run':
      return { type: 'not-run', reason: at.why || 'it was given up' };
    case 'record':
      return { type: 'record', role: 'target', state: targetRecord(at.state) };
    default:
      return { type: word };
  }
}

/** A judge's no, or that of people before it had spoken. */
export function refusal(verdict: Verdict | undefined, why: string): Said {
  const no = verdict?.ok === false ? verdict : { code: 'cancelled', detail: why, numbers: {} };
  return { type: 'refuse', code: no.code, detail: no.detail, numbers: no.numbers };
}
