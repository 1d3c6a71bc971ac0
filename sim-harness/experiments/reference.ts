/** Prints `docs/experiments.md` from the table of experiments: `npm run docs`. Pure. */
import { OTHERS_MAX, percent } from '../bench/others.ts';
import { claimText } from './frame/claim-text.ts';
import { TRIES } from './frame/order.ts';
import type { Arm, Experiment } from './frame/types.ts';
import { USAGE } from './options.ts';
import { EXPERIMENTS } from './table.ts';

export const experimentsReference = (): string => `# Experiments

The evaluation of the paper (Hirofuchi et al. 2010, section 5) on real guests, and what goes beyond it: each is one command, its
figures stand beside the paper's. This page is printed from \`sim-harness/experiments\`; a test holds them equal.

\`\`\`
${USAGE.replace('EXPERIMENTS', EXPERIMENTS.map(one => one.name).join(', ')).trimEnd()}
\`\`\`

## How it is measured
**Cells.** One run of one arm is a cell: a lab of its own, guests that are booted and filled anew, ${'`out/experiments/cells/COMMIT/EXPERIMENT/ARM.REPETITION.json`'}.
What is there is not measured again. COMMIT is the last that changed anything a run depends on (neither pages nor tests nor the report);
uncommitted changes are another program, and have cells of their own. What is left, and about how long it takes, is said first and
before each cell.

**Turns.** Each arm once in every repetition, every other repetition backwards.

**Discards.** The rule of the benches ([bench.md](bench.md)), over every half minute of a cell: if in the worst of them others used more
than ${percent(OTHERS_MAX.share)} of the cores or ${percent(OTHERS_MAX.core)} of one, the cell is discarded and measured again, ${TRIES} times in all. Discarded cells are kept, and listed.
A quick run discards none.

**Bounds.** Medians with the least and the most. What is claimed is held against the mean of the differences within each repetition, and
its 95 % bounds by Student's t: *shown* if all of the bounds are on the right side, *refuted* if all are on the wrong one.

**Ballast.** As in the benches ([bench.md](bench.md)): a machine that is itself a virtual one holds as much memory as targets are about
to fill, gives it away as they fill, and takes it again when sources have let go of theirs.

**Memory.** Every guest that moved checks all that it had filled at the end; one wrong page and the exit code is 1.

**One machine.** Each node has one core, and its agent, its page servers and its VMs share it. Nothing is packed, so that the data of
guests plays no part.

## Arms
| arm | what it is |
|---|---|
${armsOf(EXPERIMENTS)
  .map(arm => `| \`${arm.name}\` | ${armText(arm)} |`)
  .join('\n')}
${EXPERIMENTS.map(section).join('')}`;

const armsOf = (experiments: readonly Experiment[]): Arm[] => [
  ...new Map(experiments.flatMap(one => one.arms).map(arm => [arm.name, arm])).values(),
];

/** From what the arm says itself, so that the page cannot say otherwise. */
export function armText({
  engine,
  packingEngine,
  isApart,
  holdSeconds,
  capBytesPerSecond,
  isEmpty,
  backoff,
}: Arm) {
  if (isApart) return 'Each VM on a node of its own from the start; nothing moves.';
  if (!engine) return 'All VMs stay on one node; nothing moves.';
  const parts = [
    `Moves by \`${engine}\`${packingEngine ? `, to pack by \`${packingEngine}\`` : ''}`,
    capBytesPerSecond ? `at ${capBytesPerSecond / 2 ** 20} MiB/s at most (KVM in 2010)` : '',
    holdSeconds ? `once an overload has lasted ${holdSeconds} s` : '',
    backoff ? 'without rests for VMs that come back' : '',
    isEmpty ? 'of guests whose memory nobody has written' : '',
  ];
  return `${parts.filter(part => part !== '').join(', ')}.`;
}

function section({
  name,
  title,
  section: where,
  arms,
  figures,
  repetitions,
  claims,
  remarks,
}: Experiment): string {
  const quoted = arms.map(arm => `\`${arm.name}\``).join(', ');
  return `
## \`${name}\`: ${title}
Section: ${where}. Arms: ${quoted}; ${repetitions} repetitions.

| figure | unit | meaning | the paper |
|---|---|---|---|
${Object.entries(figures)
  .map(([figure, { unit, meaning, paper = {} }]) => {
    const values = Object.entries(paper).map(([arm, value]) => `${arm} ${value}`);
    return `| \`${figure}\` | ${unit || '–'} | ${meaning} | ${values.join(', ') || '–'} |`;
  })
  .join('\n')}

Claims: ${claims.map(claimText).join('; ')}.
${remarks.map(remark => `- ${remark}`).join('\n')}
`;
}
