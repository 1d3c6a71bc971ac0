/**
 * Columns of the pre-copy engine: the stream brings the whole memory before the target is ready, so that nothing is on
 * the source once it has committed. The page server only carries the stream: its end means nothing after that, and a
 * source that was rebooted may still say `run`.
 */
import { type RecoverSource, type RecoverTarget, recoverSource, recoverTarget } from './recover.ts';
import { SOURCE } from './source.ts';
import type { SourceEffect } from './source-kinds.ts';
import { TARGET } from './target.ts';
import type { TargetEffect } from './target-kinds.ts';

export const PRECOPY_SOURCE: typeof SOURCE = {
  ...SOURCE,
  'w-committed': { ...SOURCE['w-committed'], 'pages-exit': 'ignore' },
  committed: { ...SOURCE.committed, 'pages-exit': 'ignore' },
  transferring: { ...SOURCE.transferring, 'pages-exit': 'ignore' },
};

export const PRECOPY_TARGET: typeof TARGET = {
  ...TARGET,
  ready: { ...TARGET.ready, 'pages-exit': 'ignore' },
  'w-owner': { ...TARGET['w-owner'], 'pages-exit': 'ignore' },
  owner: { ...TARGET.owner, 'pages-exit': 'ignore' },
  running: { ...TARGET.running, 'pages-exit': 'ignore' },
};

const without = <E extends string>(effects: E[], what: E): E[] => effects.filter(e => e !== what);

export const recoverPrecopySource: RecoverSource = (record, rebooted) => {
  const { state, effects } = recoverSource(record, rebooted && record !== 'committed');
  return { state, effects: without<SourceEffect>(effects, 'restart-pages') };
};

export const recoverPrecopyTarget: RecoverTarget = (record, rebooted) => {
  const { state, effects } = recoverTarget(record, rebooted);
  return { state, effects: without<TargetEffect>(effects, 'restart-pages') };
};
