/** What each state of a handoff by QEMU's own post-copy says to a peer that asks or comes late. Pure. */
import {
  maybeInDoubt,
  type SourceAnswer,
  sourceAnswer,
  sourceRecord,
  type TargetAnswer,
  targetAnswer,
  targetRecord,
} from '../answers.ts';
import type { QemuSourceState } from './source.ts';
import type { QemuTargetState } from './target.ts';

export function qemuSourceAnswer(state: QemuSourceState): SourceAnswer {
  // It has committed, but whether its device state went out whole is not known yet.
  if (state === 'committed' || state === 'stopping') return 'record';
  return state === 'serving' ? 'run' : sourceAnswer(state);
}

export const qemuTargetAnswer = (state: QemuTargetState): TargetAnswer =>
  state === 'ready-loaded' || state === 'ready-run' ? 'ready' : targetAnswer(state);

/** The newest record on the disk that a state stands for; `none` before the first. */
export function qemuSourceRecord(state: QemuSourceState): string {
  if (state === 'stopping') return 'switching';
  return state === 'serving' ? 'committed' : sourceRecord(state);
}

export const qemuTargetRecord = (state: QemuTargetState): string =>
  state === 'ready-loaded' || state === 'ready-run' ? 'ready' : targetRecord(state);

/** Neither may decide alone. Shown when it lasts. */
export function qemuMaybeInDoubt(state: QemuSourceState | QemuTargetState): boolean {
  if (state === 'stopping') return false;
  return state === 'serving' || state === 'ready-loaded' || state === 'ready-run' || maybeInDoubt(state);
}
