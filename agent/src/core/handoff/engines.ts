/** The columns of the two engines of our own design: their tables, and where a restarted agent goes on. */
import type { Engine } from '@shoal/protocol';
import { PRECOPY_SOURCE, PRECOPY_TARGET, recoverPrecopySource, recoverPrecopyTarget } from './precopy.ts';
import { type RecoverSource, type RecoverTarget, recoverSource, recoverTarget } from './recover.ts';
import { SOURCE } from './source.ts';
import { TARGET } from './target.ts';

export type Columns = {
  source: typeof SOURCE;
  target: typeof TARGET;
  recoverSource: RecoverSource;
  recoverTarget: RecoverTarget;
};

export const COLUMNS: Readonly<Record<Exclude<Engine, 'qemu-postcopy'>, Columns>> = {
  postcopy: { source: SOURCE, target: TARGET, recoverSource, recoverTarget },
  // The guest's memory goes ahead while the source waits to switch: no state, and no cell, is another one.
  warm: { source: SOURCE, target: TARGET, recoverSource, recoverTarget },
  precopy: {
    source: PRECOPY_SOURCE,
    target: PRECOPY_TARGET,
    recoverSource: recoverPrecopySource,
    recoverTarget: recoverPrecopyTarget,
  },
};
