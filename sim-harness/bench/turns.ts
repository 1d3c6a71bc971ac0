/** In which order arms take part, and which way each goes. Pure. */

/** `turn` 0 warms up and counts in no figure: the first touches of a host's memory make a move slower. `from`: index of a node. */
export type Step<A> = { turn: number; arm: A; from: 0 | 1 };

/**
 * Each VM goes to and fro. Every other turn goes through the arms backwards (ABBA): else, with an even number of arms, each of
 * them would always go the same way, and engines could not be told from nodes. So each arm goes both ways equally often over an
 * even number of turns, whatever the number of arms.
 */
export function plan<A>(arms: readonly A[], turns: number, vmOf: (arm: A) => string): Step<A>[] {
  const moves = new Map<string, number>();
  return Array.from({ length: turns + 1 }, (_, turn) => turn).flatMap(turn =>
    (turn % 2 === 0 ? [...arms] : [...arms].reverse()).map(arm => {
      const vm = vmOf(arm);
      const made = moves.get(vm) ?? 0;
      moves.set(vm, made + 1);
      return { turn, arm, from: (made % 2) as 0 | 1 };
    }),
  );
}
