/**
 * `npm run bench -- loopback [--windows auto] [--memory 1280] [--filled 1024] [--runs 6] [--json]`
 * Page payload a second between two page servers, encrypted and put in place by userfaultfd, over one TCP stream of iperf3
 * on the same unshaped loopback, in pairs: raw TCP right before each move. The guest is a micro guest at rest, so that nearly
 * all goes by bulk. No cap, no compression: what the processor can do.
 * Discarded, by a rule fixed here: a pair in which others used more than 15 % of the cores during the move.
 */
import { parseArgs } from 'node:util';
import { bringUp } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { rawTcp } from './link-figures.ts';
import { type LoopbackPair, loopbackPair, loopbackRow, loopbackTable } from './loopback-figures.ts';
import { oneMove, TICK_MS } from './one-move.ts';
import { number, windowName, windows } from './options.ts';

const STRANGERS_MAX_SHARE = 0.15;
const TRIES_PER_RUN = 3;
const RAW_SECONDS = 2;
/** Raw TCP, the guest's steady time, the move and the check of the memory. */
const PER_PAIR_S = 12;
const BEGIN_S = 10;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      windows: { type: 'string', default: 'auto' },
      memory: { type: 'string', default: '1280' },
      filled: { type: 'string', default: '1024' },
      runs: { type: 'string', default: '6' },
      json: { type: 'boolean', default: false },
    },
  });
  const sizes = windows('--windows', values.windows);
  const [memory, filled, runs] = [
    number('--memory', values.memory, 65_536),
    number('--filled', values.filled, 65_536),
    number('--runs', values.runs, 1000),
  ];
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const minutes = Math.ceil((BEGIN_S + sizes.length * runs * PER_PAIR_S) / 60);
  say(`${sizes.length * runs} pairs, about ${minutes} minutes on a quiet machine`);
  say(`a pair in which others used more than ${STRANGERS_MAX_SHARE * 100} % of the cores is discarded`);
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
    const pairs = new Map<number, LoopbackPair[]>(sizes.map(size => [size, []]));
    let discarded = 0;
    for (let turn = 1; turn <= runs; turn++)
      for (const [size, kept] of pairs)
        for (let tries = 0; tries < TRIES_PER_RUN && kept.length < turn; tries++) {
          const rawTcpMbit = await rawTcp(lab, RAW_SECONDS);
          const { result, strangersShare } = await oneMove(lab, guest, `postcopy:window-${size}`, []);
          const pair = loopbackPair(result, rawTcpMbit);
          const fine = strangersShare <= STRANGERS_MAX_SHARE;
          if (fine) kept.push(pair);
          else discarded += 1;
          const others = `others ${Math.round(strangersShare * 100)} %`;
          say(
            `${windowName(size)} ${turn}: ${pair.goodputMbit} of ${rawTcpMbit} Mbit/s = ${pair.ratio}, ${pair.cpuSPerGb} s of CPU per GB, ${others}${fine ? '' : ': discarded'}`,
          );
        }
    const rows = [...pairs].map(([size, of]) => loopbackRow(size, of));
    const report = { machine: machineFacts(), vm: { memoryMib: memory, filledMib: filled }, discarded, rows };
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : loopbackTable(rows));
    return rows.every(row => row.pairs.length === runs) ? 0 : 2;
  } finally {
    await lab.down();
  }
}
