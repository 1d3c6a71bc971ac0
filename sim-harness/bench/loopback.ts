/**
 * `npm run bench -- loopback`: page payload a second between two page servers, encrypted and put in place by userfaultfd, over
 * one TCP stream of iperf3 on the same unshaped loopback, in pairs: raw TCP right before each move, the same way. Options:
 * bench-table.ts. The guest is a micro guest at rest, so that nearly all goes by bulk. No cap, no compression: what the
 * processor can do.
 */
import { bringUp } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { Ballast } from './ballast.ts';
import { TICK_MS } from './guest-figures.ts';
import { rawTcp } from './link-figures.ts';
import { type LoopbackPair, loopbackPair, loopbackRow, loopbackTable } from './loopback-figures.ts';
import { bring, oneMove } from './one-move.ts';
import { fits, number, windowName, windows } from './options.ts';
import { RULE, worst } from './others.ts';
import { discardedText, exitCode, jsonText, keptOf, oddWarning, takeTurns } from './take-turns.ts';
import { parse } from './usage.ts';

const RAW_SECONDS = 2;
/** Raw TCP, the guest's steady time before and after, the move and the check of the memory. */
const PER_PAIR_S = 15;
const BEGIN_S = 10;

export async function run(args: string[]): Promise<number> {
  const values = parse('loopback', args);
  const sizes = windows('--windows', values.windows);
  const [memory, filled, runs] = [
    number('--memory', values.memory, 65_536),
    number('--filled', values.filled, 65_536),
    number('--runs', values.runs, 1000),
  ];
  fits(filled, memory);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const count = sizes.length * (runs + 1);
  const minutes = Math.ceil((BEGIN_S + count * PER_PAIR_S) / 60);
  say(`${count} pairs with the turn that warms up, about ${minutes} minutes on a quiet machine`);
  say(`a pair in which ${RULE} is discarded`);
  for (const line of oddWarning(runs)) say(line);
  const lab = await bringUp(
    {
      ...{ name: 'loopback', nodes: 2, driver: 'micro', net: 'loopback', link: 'none', cores: 'own' },
      ...{ mode: 'observe', guestMemoryMib: memory * 2 },
    },
    say,
  );
  try {
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}`, 120_000);
    await guest.command('load 0');
    await guest.command(`ticks ${TICK_MS}`);
    const ballast = new Ballast(lab.node('node0').ramDir, filled);
    const { turns, discarded, badPages } = await takeTurns<number, LoopbackPair>({
      ...{ arms: sizes, runs, say, name: windowName },
      vmOf: () => 'bench',
      bring: (_, from) => bring(lab, `node${from}`),
      move: async (size, from) => {
        const raw = await rawTcp(lab, RAW_SECONDS, from);
        const { result, others } = await oneMove(lab, guest, `postcopy:window-${size}`, { ballast });
        const all = worst([raw.others, others]);
        const run = { ...result, strangersShare: all.share, strangersCores: all.cores };
        const pair = loopbackPair(run, raw.mbit);
        const said = `${pair.goodputMbit} of ${raw.mbit} Mbit/s = ${pair.ratio}, ${pair.cpuSPerGb} s of CPU per GB`;
        return { result: pair, others: all, badPages: pair.badPages, said };
      },
    });
    const rows = sizes.map(size => loopbackRow(size, keptOf(turns, size)));
    const vm = { memoryMib: memory, filledMib: filled };
    const report = { machine: machineFacts(), vm, discarded, badPages, rows };
    process.stdout.write(
      values.json ? jsonText(report) : `${loopbackTable(rows)}${discardedText(discarded, RULE)}`,
    );
    return exitCode(
      badPages,
      rows.every(row => row.pairs.length === runs),
    );
  } finally {
    await lab.down();
  }
}
