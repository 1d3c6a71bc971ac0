/** Runs a plan of loads on guests that are there. */
import type { Want } from '../frame/demand.ts';
import type { Stage } from '../frame/stage.ts';

/** Resolves when the last of them has been told. */
export async function play(stage: Stage, wants: readonly Want[], say: (line: string) => void): Promise<void> {
  for (const atS of [...new Set(wants.map(want => want.atS))].sort((a, b) => a - b)) {
    await stage.until(atS * 1000);
    const now = wants.filter(want => want.atS === atS);
    say(`${atS} s: ${now.map(({ vm, percent }) => `${vm} ${percent} %`).join(', ')}`);
    await Promise.all(now.map(({ vm, percent }) => stage.guest(vm).command(`load ${percent}`)));
  }
}
