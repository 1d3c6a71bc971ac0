/**
 * How content users are: Good within 2 s, Tolerable within 4 s, else Failed, the limits of SPECweb2005 Banking by which the paper
 * counts. Pure.
 */

/** As the client writes it. `atMs`: when it was due to be asked for; `ms`: from then to the last byte; `status` 0: no whole answer. */
export type Response = { atMs: number; vm: string; page: string; ms: number; status: number; error?: string };

export const GOOD_MS = 2000;
export const TOLERABLE_MS = 4000;
/** A user waits no longer. */
export const DEADLINE_MS = 30_000;

export type Verdict = 'good' | 'tolerable' | 'failed';
export type Counts = Record<Verdict, number>;
/** In percent of all. */
export type Score = Counts & {
  all: number;
  goodPercent: number;
  tolerablePercent: number;
  failedPercent: number;
};

const isAnswered = ({ status }: Response): boolean => status === 200;

export function verdictOf(response: Response): Verdict {
  if (!isAnswered(response)) return 'failed';
  if (response.ms <= GOOD_MS) return 'good';
  return response.ms <= TOLERABLE_MS ? 'tolerable' : 'failed';
}

function countsOf(responses: readonly Response[]): Counts {
  const counts = { good: 0, tolerable: 0, failed: 0 };
  for (const response of responses) counts[verdictOf(response)]++;
  return counts;
}

/** Of what was asked of a VM from time 0 on, however late its answer came: a slow end of a run is not cut off. */
const counted = (responses: readonly Response[], vm: string): Response[] =>
  responses.filter(response => response.vm === vm && response.atMs >= 0);

/** Shares are -1 where nothing was asked. */
export function scoreOf(responses: readonly Response[], vm: string): Score {
  const counts = countsOf(counted(responses, vm));
  const all = counts.good + counts.tolerable + counts.failed;
  const percent = (count: number) => (all === 0 ? -1 : Number(((100 * count) / all).toFixed(2)));
  return {
    ...counts,
    all,
    goodPercent: percent(counts.good),
    tolerablePercent: percent(counts.tolerable),
    failedPercent: percent(counts.failed),
  };
}

/** Whoever got no answer waited as long as a user waits: a refusal that comes at once is not a fast answer. */
const waitedMs = (response: Response): number => (isAnswered(response) ? response.ms : DEADLINE_MS);

/** The smallest value that so many percent of all are not above (nearest rank); -1 of none. */
export function percentileMs(responses: readonly Response[], percent: number): number {
  const sorted = responses.map(waitedMs).sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? -1;
}

export type Second = Counts & { atMs: number; p95Ms: number };

/** The paper's figures 31 to 34: what was asked for in each second. `p95Ms` -1: nothing was. */
export function perSecond(responses: readonly Response[], vm: string, untilMs: number): Second[] {
  const seconds: Response[][] = Array.from({ length: Math.ceil(untilMs / 1000) }, () => []);
  for (const response of counted(responses, vm)) seconds[Math.floor(response.atMs / 1000)]?.push(response);
  return seconds.map((asked, i) => ({
    atMs: i * 1000,
    ...countsOf(asked),
    p95Ms: Math.round(percentileMs(asked, 95)),
  }));
}
