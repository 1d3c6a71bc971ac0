/** A worker of `campaign.ts`: runs the seeds that it is given, one after the other. */
import type { Batch } from './campaign.ts';
import { countCells } from './coverage.ts';
import { run } from './run.ts';
import { addRun, emptySummary } from './summary.ts';

const cells = countCells();

process.on('message', async ({ from, count, nodes }: Batch) => {
  const sum = emptySummary();
  for (let seed = from; seed < from + count; seed++)
    addRun(sum, await run({ seed, nodes, faults: true, log: false, plants: new Set() }));
  sum.cells = { ...cells };
  for (const cell of Object.keys(cells)) delete cells[cell];
  process.send?.(sum);
});
