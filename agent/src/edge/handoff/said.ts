/** The words of either side, filled in: what its table sends or answers, as a message without its head. Pure. */
import {
  type SourceAnswer,
  sourceRecord,
  type TargetAnswer,
  targetRecord,
} from '../../core/handoff/answers.ts';
import type { SourceState } from '../../core/handoff/source.ts';
import type { TargetState } from '../../core/handoff/target.ts';
import type { Said } from './words.ts';

export type SourceWord = SourceAnswer | 'ask';
/** `refuse` and `listening` are said where their contents are known. */
export type TargetWord = TargetAnswer | 'accept' | 'ended';

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
