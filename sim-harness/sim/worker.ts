/** A worker of `campaign.ts`: runs the seeds that it is given, one after the other. */
import type { Batch } from './campaign.ts';
import { countCells } from './coverage.ts';
import { plant } from './plants.ts';
import { run } from './run.ts';
import { addRun, emptySummary } from './summary.ts';

let cells: Record<string, number> | undefined;

process.on('message', async ({ from, count, nodes, planted }: Batch) => {
  if (!cells) {
    if (planted) plant(planted);
    cells = countCells();
  }
  const sum = emptySummary();
  for (let seed = from; seed < from + count; seed++)
    addRun(
      sum,
      await run({ seed, nodes, faults: true, log: false, plants: new Set(planted ? [planted] : []) }),
    );
  sum.cells = { ...cells };
  for (const cell of Object.keys(cells)) delete cells[cell];
  process.send?.(sum);
});
