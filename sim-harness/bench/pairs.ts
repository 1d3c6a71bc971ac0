/** Engines and variants of ours against one another: each turn moved the same guest by all of them, so its figures are compared within the turn. Pure. */
import type { Run } from './figures-table.ts';
import type { Arm, Variant } from './one-move.ts';
import { hasBounds, middle, NOT_MEASURED } from './statistics.ts';

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

/** What is better when it is less. `cpuS` is not among them: of QEMU's own engines it is a relay's, or nobody's. */
export const COMPARED = [
  'switchMs',
  'blackoutMs',
  'transferMs',
  'guestGapMs',
  'guestWorkLost',
  'guestWorkLost10s',
  'wireBytes',
  'sourceCpuSPerGb',
  'neighbourLostSPerGb',
] as const satisfies readonly (keyof Run)[];

const round = (value: number) => Number(value.toFixed(3));

/** Ours once per variant, in the place of ours; without any, as it is configured. */
export const armsOf = (
  engines: readonly Exclude<Arm, `postcopy:${string}`>[],
  variants: readonly Variant[],
): Arm[] =>
  engines.flatMap(engine =>
    engine === 'postcopy' && variants.length > 0
      ? variants.map(variant => `${engine}:${variant}` as const)
      : [engine],
  );

/**
 * One move over another. Of nothing: 0 over something is 0, something over 0 is Infinity, 0 over 0 is 1: none of them is left
 * out, which would favour whoever is at 0 seldom, and a median stands them. Less than 0 is noise about 0, and counts as 0.
 * Undefined: one of them was not measured.
 */
export function ratio(of: number | undefined, against: number | undefined): number | undefined {
  if (of === undefined || against === undefined || of === NOT_MEASURED || against === NOT_MEASURED)
    return undefined;
  const [a, b] = [Math.max(0, of), Math.max(0, against)];
  if (b === 0) return a === 0 ? 1 : Number.POSITIVE_INFINITY;
  return a / b;
}

/** The first arm against each of the others. A pair without a figure on both sides does not count. */
export function ratios(turns: readonly Partial<Record<Arm, Run>>[], arms: readonly Arm[]): Ratio[] {
  const [of, ...others] = arms;
  if (!of) return [];
  return others.flatMap(against =>
    COMPARED.flatMap(figure => {
      const found = turns.flatMap(turn => ratio(turn[of]?.[figure], turn[against]?.[figure]) ?? []);
      if (found.length === 0) return [];
      const { median, low, high } = middle(found);
      return [
        {
          ...{ of, against, figure, pairs: found.length, median: round(median) },
          ...{ low: round(low), high: round(high) },
        },
      ];
    }),
  );
}

/** One line. */
export const ratioText = ({ of, against, figure, pairs, median, low, high }: Ratio): string =>
  `${of} / ${against}  ${figure} ${median} (${hasBounds(pairs) ? `95 %: ${low} to ${high}; ${pairs} pairs` : `${pairs} pairs, too few for a bound`})`;
