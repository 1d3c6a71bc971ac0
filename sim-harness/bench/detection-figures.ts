/** What the traces of all agents say about noticing the dead and missing the living. Pure. */
import { RELAYED_MS } from '@shoal/agent/edge/mesh/gossip-settings';
import { percentile } from './mesh-measure.ts';

/** `atMs`: when a report came. `fromMs`: when it counts as having come, for whoever waits for the next one. */
export type Arrival = { atMs: number; fromMs: number };

/** Each author's reports, by reader; ms of the clock that all agents share, in order. */
export type Arrivals = ReadonlyMap<string, ReadonlyMap<string, readonly Arrival[]>>;

/** From the lines of one reader's trace (`edge/mesh/trace.ts`), as that reader judges them (`core/view.ts`). */
export function arrivalsOf(trace: string): Map<string, Arrival[]> {
  const found = new Map<string, Arrival[]>();
  for (const line of trace.split('\n')) {
    const [author = '', , ms, what] = line.split(' ');
    if (what !== 'received' && what !== 'relayed') continue;
    const times = found.get(author) ?? [];
    const atMs = Number(ms);
    times.push({ atMs, fromMs: atMs - (what === 'relayed' ? RELAYED_MS : 0) });
    found.set(author, times);
  }
  for (const times of found.values()) {
    times.sort((a, b) => a.atMs - b.atMs);
    times.forEach((time, i) => {
      time.fromMs = Math.max(time.fromMs, times[i - 1]?.fromMs ?? 0);
    });
  }
  return found;
}

export type Death = { author: string; atMs: number; untilMs: number };

/** The rule that a reader judges silence by: after how long, given when the earlier reports of that author came. */
export type Rule = { name: string; timeoutMs(before: readonly number[]): number };

export const plain = (timeoutMs: number): Rule => ({ name: `${timeoutMs} ms`, timeoutMs: () => timeoutMs });

/**
 * Phi accrual (Hayashibara et al., 2004) at a threshold of 8, as Akka has it: silence that a normal distribution of the
 * last 100 intervals gives a chance of 10^-8, with a floor for the deviation of 100 ms.
 */
export const phi: Rule = {
  name: 'phi 8',
  timeoutMs(before) {
    const last = before.slice(-101);
    const gaps = last.slice(1).map((ms, i) => ms - (last[i] as number));
    if (gaps.length < 5) return 3000;
    const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    return mean + 5.61 * Math.max(100, Math.sqrt(variance));
  },
};

/** How long after its death each reader takes the author for stale. */
export function noticedMs(arrivals: Arrivals, deaths: readonly Death[], rule: Rule): number[] {
  return deaths.flatMap(({ author, atMs, untilMs }) =>
    [...arrivals].flatMap(([reader, byAuthor]) => {
      if (reader === author) return [];
      const before = (byAuthor.get(author) ?? []).filter(a => a.atMs < untilMs).map(a => a.fromMs);
      const last = before.at(-1);
      return last === undefined ? [] : [last + rule.timeoutMs(before) - atMs];
    }),
  );
}

export type Window = { fromMs: number; toMs: number };

/** Silences within the windows between two reports of authors that live: reader, author, how long, what was allowed. */
export function silences(arrivals: Arrivals, windows: readonly Window[], rule: Rule) {
  const found: { gapMs: number; allowedMs: number }[] = [];
  for (const byAuthor of arrivals.values()) {
    for (const times of byAuthor.values()) {
      times.forEach(({ atMs }, i) => {
        const before = times[i - 1]?.fromMs;
        if (before === undefined) return;
        if (!windows.some(w => atMs >= w.fromMs && before <= w.toMs)) return;
        const earlier = times.slice(Math.max(0, i - 101), i).map(a => a.fromMs);
        found.push({ gapMs: atMs - before, allowedMs: rule.timeoutMs(earlier) });
      });
    }
  }
  return found;
}

export const round = (value: number): number => Math.round(value);

export function spread(values: number[]) {
  return {
    p50: round(percentile(values, 0.5)),
    p99: round(percentile(values, 0.99)),
    max: round(percentile(values, 1)),
  };
}
