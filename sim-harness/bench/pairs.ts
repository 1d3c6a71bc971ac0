/** Engines and variants of ours against one another: each turn moved the same guest by all of them, so its figures are compared within the turn. Pure. */
import type { Engine } from '@shoal/protocol';
import type { Arm, Run, Variant } from './one-move.ts';
import { median, medianBounds } from './statistics.ts';

/** `median` of the pairs' ratios; `low` and `high`: its 95 % bounds, -1 where there are too few pairs. */
export type Ratio = {
  of: Arm;
  against: Arm;
  figure: string;
  pairs: number;
  median: number;
  low: number;
  high: number;
};

/** What is better when it is less. */
const FIGURES = [
  'switchMs',
  'blackoutMs',
  'transferMs',
  'guestGapMs',
  'guestWorkLost',
  'wireBytes',
  'cpuS',
  'sourceCpuSPerGb',
  'neighbourLostSPerGb',
] as const satisfies readonly (keyof Run)[];

const round = (value: number) => Number(value.toFixed(3));

/** Ours once per variant, in the place of ours; without any, as it is configured. */
export const armsOf = (engines: readonly Engine[], variants: readonly Variant[]): Arm[] =>
  engines.flatMap(engine =>
    engine === 'postcopy' && variants.length > 0
      ? variants.map(variant => `${engine}:${variant}` as const)
      : [engine],
  );

/** The first arm against each of the others. A pair without a figure on both sides (0, or not measured) does not count. */
export function ratios(turns: readonly Partial<Record<Arm, Run>>[], arms: readonly Arm[]): Ratio[] {
  const [of, ...others] = arms;
  if (!of) return [];
  return others.flatMap(against =>
    FIGURES.flatMap(figure => {
      const found = turns.flatMap(turn => {
        const [a, b] = [turn[of]?.[figure] ?? 0, turn[against]?.[figure] ?? 0];
        return a > 0 && b > 0 ? [a / b] : [];
      });
      if (found.length === 0) return [];
      const bounds = medianBounds(found) ?? { low: -1, high: -1 };
      return [
        {
          ...{ of, against, figure, pairs: found.length, median: round(median(found)) },
          ...{ low: round(bounds.low), high: round(bounds.high) },
        },
      ];
    }),
  );
}
