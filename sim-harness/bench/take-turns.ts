/** Arms against one another, in turns: a warm-up, moves that are discarded and made again, the way each of them goes. */
import { disturbed, type Others, percent } from './others.ts';
import { plan } from './turns.ts';

/** Of a measurement that others disturb. */
export const TRIES = 3;

/** `said`: one line about it. */
export type Taken<R> = { result: R; others: Others; badPages: number; said: string };
export type Discarded = { arm: string; turn: number; why: string };
/** `turns`: of the measured ones, what was kept of each arm. `badPages`: of all moves, also those that count in no figure. */
export type Took<A, R> = { turns: Map<A, R>[]; discarded: Discarded[]; badPages: number };

export type Turns<A, R> = {
  arms: readonly A[];
  runs: number;
  /** The VM that an arm moves. */
  vmOf(arm: A): string;
  name(arm: A): string;
  /** Its VM to that node, if it is not there, unmeasured. */
  bring(arm: A, from: 0 | 1): Promise<void>;
  move(arm: A, from: 0 | 1): Promise<Taken<R>>;
  say(line: string): void;
};

/**
 * All arms once to warm up, then `runs` times. A move in which others used too much of the cores is discarded, its VM brought
 * back, and made again the same way, so that each arm keeps its share of both ways.
 */
export async function takeTurns<A, R>({
  arms,
  runs,
  vmOf,
  name,
  bring,
  move,
  say,
}: Turns<A, R>): Promise<Took<A, R>> {
  const turns = Array.from({ length: runs }, () => new Map<A, R>());
  const discarded: Discarded[] = [];
  let badPages = 0;
  for (const { turn, arm, from } of plan(arms, runs, vmOf)) {
    for (let tries = 1; tries <= TRIES; tries++) {
      await bring(arm, from);
      const { result, others, badPages: bad, said } = await move(arm, from);
      badPages += bad;
      const why = turn === 0 ? '' : disturbed(others);
      const rest = turn === 0 ? ' (warm-up)' : why ? `: discarded, ${why}` : '';
      say(
        `${name(arm)} ${turn}, from node${from}: ${said}, others ${percent(others.share)}${rest}${bad > 0 ? `, ${bad} BAD PAGES` : ''}`,
      );
      if (why !== '') discarded.push({ arm: name(arm), turn, why });
      else turns[turn - 1]?.set(arm, result);
      if (why === '') break;
    }
  }
  return { turns, discarded, badPages };
}

/** All that was kept of an arm. Pure. */
export const keptOf = <A, R>(turns: readonly Map<A, R>[], arm: A): R[] =>
  turns.flatMap(turn => {
    const kept = turn.get(arm);
    return kept === undefined ? [] : [kept];
  });

/** How many, of which arms, and why. Pure. */
export function discardedText(discarded: readonly Discarded[], rule: string): string {
  if (discarded.length === 0) return `0 moves discarded (rule: ${rule})\n`;
  const lines = discarded.map(({ arm, turn, why }) => `  ${arm} ${turn}: ${why}`);
  return `${[`${discarded.length} moves discarded (rule: ${rule}):`, ...lines].join('\n')}\n`;
}

/** A page that is wrong fails the bench, whatever else it shows; a run that is missing makes it inconclusive. Pure. */
export function exitCode(badPages: number, isWhole: boolean): number {
  if (badPages > 0) return 1;
  return isWhole ? 0 : 2;
}

/** As it is printed: JSON has no infinite number, so it is the word `Infinity`. Pure. */
export const jsonText = (report: object): string =>
  `${JSON.stringify(report, (_, value) => (value === Number.POSITIVE_INFINITY ? 'Infinity' : value), 2)}\n`;

/** Said before the first move: an odd number of turns cannot go both ways equally often. Pure. */
export const oddWarning = (runs: number): string[] =>
  runs % 2 === 0
    ? []
    : [`${runs} runs are odd: each arm goes one way once more than the other; an even number is better`];
