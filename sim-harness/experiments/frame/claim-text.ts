/** Claims in words, and what became of them. Pure. */
import type { Judged } from './claims.ts';
import type { Claim } from './types.ts';

export function claimText({ figure, less, than, by }: Claim): string {
  if (than === undefined) return `${figure} of ${less} at most ${by}`;
  return `${figure} of ${less} below that of ${than}${by === undefined ? '' : ` by ${-by} at least`}`;
}

/** One line of a table: the claim, what was found with its bounds, the verdict. */
export function judgedLine({ claim, bounded, verdict }: Judged): [string, string, string] {
  const round = (value: number) => String(Number(value.toFixed(Math.abs(value) < 10 ? 2 : 1)));
  const found = bounded
    ? `${claim.than ? 'difference ' : ''}${round(bounded.mean)} (${round(bounded.low)} to ${round(bounded.high)}, ${bounded.count} runs)`
    : 'fewer than two runs';
  return [claimText(claim), found, verdict];
}
