/** Prints `docs/bench.md` from the tables of options and figures: `npm run docs`. Pure. */
import { BENCH_NAMES, BENCHES, EXIT_CODES, type Option } from './bench-table.ts';
import { WANTED as CURVE } from './curve-figures.ts';
import { FIGURES } from './figures-table.ts';
import { WANTED as LOOPBACK } from './loopback-figures.ts';
import { RULE } from './others.ts';
import { COMPARED } from './pairs.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

function optionsOf(name: (typeof BENCH_NAMES)[number]): string {
  const { about, options } = BENCHES[name];
  const rows = Object.entries<Option>(options).map(([option, { value, standard, meaning }]) => {
    const shown = `\`--${option}${value ? ` ${value}` : ''}\``;
    return `| ${shown} | ${standard ? `\`${standard}\`` : '–'} | ${cell(meaning)} |`;
  });
  return `### \`npm run bench -- ${name}\`\n${about}\n\n| option | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

const figures = Object.entries(FIGURES)
  .map(([name, { unit, meaning }]) => `| \`${name}\` | ${unit || '–'} | ${cell(meaning)} |`)
  .join('\n');

export const benchReference = (): string => `# Benches

Each compares in one run, on one machine, in turns: figures of different runs or machines are not to be held against one
another. \`--help\` tells the options of each. This page is printed from \`bench-table.ts\` and \`figures-table.ts\` in
\`sim-harness/bench\`; a test holds them equal.

${EXIT_CODES}
## How it is measured
**Turns.** Every arm (an engine, a variant of ours, a window) moves once in each turn. Each VM goes to and fro between the two
nodes, and every other turn goes through the arms backwards (ABBA): over an even number of turns each arm goes both ways
equally often, and an engine is not taken for a core. The way of each move is with it in the JSON (\`from\`, \`to\`).

**Warm-up.** One turn more is made first and left out: the first touches of a host's memory, of programs and of emulated code make a
move slower.

**Ballast.** Where this machine is itself a virtual one, its host may take back what it leaves free (free page reporting, two seconds
later); the next touch of such a page costs some µs more there, several times what a page server does for it, and looks like CPU time of who
touches it. So the bench holds as much memory as the guest has filled, and lets go of it right before each move: the target gets that.

**What a page server has recorded** (the order of a guest's faults, decision 0021) is kept where a VM arrives, until it arrives there
anew, and used when it moves on from there. Since each arm goes both ways, our engine finds one on either node after its first move
each way: that of the last time when a page server brought this VM there. In about half of the moves that is the arrival just before,
or few moves ago; in the others another engine has brought the VM meanwhile, which leaves none. So it is in a cluster too,
where a VM has come by whatever engine. Its very first move has none, and is the warm-up.

**Raw TCP** is one stream of iperf3 the same way as the move, on the cores of the two nodes: right before each move (\`curve\`,
\`loopback\`), or once both ways (\`handoff\`, \`write-heavy\`). What others used of the cores meanwhile counts as in a move.

**Discards.** ${RULE[0]?.toUpperCase()}${RULE.slice(1)}: such a move is discarded,
its VM brought back, and it is made again the same way, at most twice. The worst of three parts counts: the guest's steady time before, the move, and the time after it. The rule is fixed; what a move showed plays no part in
it. How many were discarded, and why each, is printed and is in the JSON, as is what others used in each move that was kept
(\`strangersShare\`, \`strangersCores\`). Others are all processes but the nodes of the lab and the bench itself, and what the hypervisor gave to other
machines (steal). What interrupts (softirq) do while a process runs is charged to that process by the kernel; what they do on an idle core is charged to
nobody, and counts as others': it cannot be told whose it is. That makes the rule stricter, for all arms alike; a kernel with
\`CONFIG_IRQ_TIME_ACCOUNTING\` charges none of it, and there a busy link alone may come near to it. What the kernel puts off to threads of
its own (\`ksoftirqd\`) does not: while a VM moves these are its packets, on a link with classes a fifth of both cores, and no stranger.

**Medians and bounds.** Of each figure the median of what was measured; -1 in the JSON, \`-\` in a table: not measured. From six values on it
has bounds that hold the median with 95 %, by order statistics, whatever the distribution; below six there is none, and none is
claimed. Bad pages are summed, not medians.

**Pairs** (\`handoff\`). The first arm over each of the others, within each turn; then the median of these ratios with its bounds. Compared
are ${COMPARED.map(name => `\`${name}\``).join(', ')};
less is better in all of them. 0 over something is 0, something over 0 is infinite (\`"Infinity"\` in the
JSON), 0 over 0 is 1; less than 0 is noise about 0 and counts as 0. Only a pair of which a side was not measured is left out.

**Bars** (\`curve\`, \`loopback\`) are judged by the medians, with the bounds beside them: \`curve\` goodput at least ${CURVE.share} of raw TCP, p50 over
the round trip at most ${CURVE.p50OverUs.fifo} µs on \`fifo\` and ${CURVE.p50OverUs.htb} on \`htb\`, p99 ${CURVE.p99OverUs.fifo} and ${CURVE.p99OverUs.htb}; with \`--preempt\` also the mean wait, at most that of \`qemu-preempt\` on the same kind
of link; \`loopback\` at least ${LOOPBACK} of raw TCP. A bar of which nothing was measured is missed. \`warm\` against plain post-copy is
\`handoff --engines warm,postcopy\`, the ratio of \`guestWorkLost10s\`.

## What a move tells
| figure | unit | meaning |
|---|---|---|
${figures}
| \`from\`, \`to\` | – | The nodes. |
| \`strangersShare\`, \`strangersCores\` | 0 to 1 | What others used of both cores, and of each, in the worst of the three parts. |

\`curve\` and \`loopback\` make of them: \`goodputMbit\`, \`dataBytes\` over \`bulkMs\`; \`share\` or \`ratio\`, that over raw TCP;
\`p50OverUs\` and so on, a wait less the least round trip that the kernel saw; \`bulkPart\`, how much of the payload nobody had asked for;
\`wireOverData\`, bytes on all connections over those of the guest's memory; \`cpuSPerGb\`, both page servers. \`write-heavy\`:
\`visitedOverLink\`, what the guest visits a second on the source, and rewrites where it writes heavily, over what the link carries
that way. A move that the deadline ended counts as a run without figures.

\`mesh\`, for each size: \`rssMbP50\`, \`cpuShareP50\` (of one core) and \`bytesPerSecondP50\` (sent) of the median agent; \`latencyMsP50\` and
\`P99\` from a report's sending to each reader; \`delivered\`, the share of them that arrived; \`convergeStartMs\`, from the last agent's start until all
see all; \`noticeDeathMs\`, from SIGKILL of one until all others show it as stale; \`othersCores\`, what all else used. \`detection\`, for each
rule: how many silent deaths were seen later than three periods, the times, and how many of the living were missed while starved.

## What it cannot tell
- **One guest, one link, two cores.** The guest reads its memory at random unless \`--hot\` is given: the worst there is for post-copy.
  Emulated (TCG) guests run their code slower than real ones, and fault less often.
- **Priority is part of the result.** The page server of a source runs with the agent's CPU weight (8 to 1 against VMs) and niceness -15, since a
  full node must still get rid of a VM; that of a target in the group of the VMs: urgent pages ahead of the guest, all others too while it waits for
  one, behind it otherwise. QEMU's own threads run in the group of the VMs, as they do wherever it migrates by itself. Beside a busy neighbour that decides much of
  the difference, and it is taken off the neighbour: \`neighbourLostSPerGb\`.
- **Packing.** Our engine packs pages where that pays (\`compression: auto\`, decision 0024): in \`handoff\` too, since that is what users get, and
  the table says how much of it. QEMU's own engines do not. The noise of a guest is no noise through and through (its image, its page tables):
  against QEMU without packing, \`--compression off\` (or \`auto,off\`). \`curve\`, \`loopback\` and \`write-heavy\` never pack.
- **Encryption.** \`qemu-postcopy\` rides our encrypted channel; \`qemu-direct\` and \`qemu-preempt\` go in the clear, as QEMU does by default. Their
  VM has no agent, is one of its own, and stands while another arm moves. QEMU tells of waits the mean alone, by the vCPU's blocktime, in whole ms.
- **Rates.** The guest's work is held against its own rate on the side where it is. A host that is slower for a while in just these seconds
  shifts it, to less than nothing too: that is shown, not cut off. Both rates are printed: where they are far apart, look at what else the source had to do.
- **Ticks.** Gaps and losses are as fine as the guest's ticks (5 ms) and as the bench that hears them.
- Late moves of \`write-heavy\` tell that an engine did not end in time, not how long it would have taken.

## Options
${BENCH_NAMES.map(optionsOf).join('\n')}`;
