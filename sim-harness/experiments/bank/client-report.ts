/** What a client wrote, read again. Pure. */
import { ShoalError } from '@shoal/agent/errors';
import type { Lag } from './client.ts';
import type { Response } from './scores.ts';

/** `cpuMs`: of the whole process, user and system. */
export type ClientEnd = { cpuMs: number; lag: Lag };
export type ClientReport = ClientEnd & { responses: Response[] };

/** Throws SHOAL_EXPERIMENT_CLIENT when it did not come to its end: what is missing would be taken for answers that were not asked. */
export function reportOf(text: string, where: string): ClientReport {
  const all = text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Response | { end: ClientEnd });
  const last = all.at(-1);
  if (last && 'end' in last) return { ...last.end, responses: all.slice(0, -1) as Response[] };
  const what = `it was ended after ${all.length} responses`;
  throw new ShoalError('SHOAL_EXPERIMENT_CLIENT', what, where, 'Look at what it said on stderr');
}
