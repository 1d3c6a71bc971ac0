/** The words of either side, filled in: what its table sends or answers, as a message without its head. Pure. */
import type { Offer } from '@shoal/protocol';
import type { SourceAnswer, TargetAnswer } from '../../core/handoff/answers.ts';
import type { Verdict } from '../../core/judge-offer.ts';
import type { Said } from './words.ts';

export type SourceWord = SourceAnswer | 'ask';
/** `refuse` and `listening` are said where their contents are known. */
export type TargetWord = TargetAnswer | 'accept' | 'ask' | 'ended';

/** An offer without its head, which `Words` fills in. */
export function offerSaid(offer: Offer): Said {
  const { handoff: _h, vm: _v, incarnation: _i, peerIncarnation: _p, deadlineMs: _d, ...said } = offer;
  return said;
}

type At = { record: string; epoch: number; why: string };

export function sourceSaid(word: SourceWord, at: At): Said {
  switch (word) {
    case 'run':
      return { type: 'run', epoch: at.epoch };
    case 'abort':
      return { type: 'abort', reason: at.why || 'given up' };
    case 'record':
      return { type: 'record', role: 'source', state: at.record };
    default:
      return { type: word };
  }
}

export function targetSaid(word: TargetWord, at: At): Said {
  switch (word) {
    case 'running':
      return { type: 'running', epoch: at.epoch };
    case 'not-run':
      return { type: 'not-run', reason: at.why || 'it was given up' };
    case 'record':
      return { type: 'record', role: 'target', state: at.record };
    default:
      return { type: word };
  }
}

/** A judge's no, or that of people before it had spoken. */
export function refusal(verdict: Verdict | undefined, why: string): Said {
  const no = verdict?.ok === false ? verdict : { code: 'cancelled', detail: why, numbers: {} };
  return { type: 'refuse', code: no.code, detail: no.detail, numbers: no.numbers };
}
