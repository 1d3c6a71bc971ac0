/** What a guest says of a job on its root disk (agent/native/workload). Pure. */

/** `code`: as a shell says it, once the job is over. `ms`: by the guest's own clock, since the start or from start to end. */
export type Job = { state: 'none' | 'running' | 'done'; code: number | undefined; ms: number };

/** Undefined for any other line than the whole answer to this very question. */
export function parseJob(line: string, name: string, ask: number): Job | undefined {
  const found = /^ok job (\S+) (?:(none)|(running) (\d+)|(done) (-?\d+) (\d+)) ask=(\d+)$/.exec(line);
  if (found?.[1] !== name || Number(found[8]) !== ask) return undefined;
  const [, , none, running, sinceMs, , code, ms] = found;
  if (none) return { state: 'none', code: undefined, ms: 0 };
  if (running) return { state: 'running', code: undefined, ms: Number(sinceMs) };
  return { state: 'done', code: Number(code), ms: Number(ms) };
}
