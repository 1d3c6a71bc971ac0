/**
 * `npm run bench -- write-heavy`: a guest that rewrites all its memory faster than the link carries it, against the same guest
 * when it writes little: each engine moves both, in turns. Options: bench-table.ts. Where an engine does not end within the
 * deadline it is cancelled, and the row says so: the source keeps the VM.
 * Pages never travel packed here, so that bytes on the wire can be held against the memory that has data.
 */
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { Ballast } from './ballast.ts';
import { LOSS_10S_MS, TICK_MS } from './guest-figures.ts';
import { rawTcpBothWays, rawText } from './link-figures.ts';
import { bring, oneMove } from './one-move.ts';
import { choices, fits, link, number } from './options.ts';
import { RULE } from './others.ts';
import {
  discardedText,
  exitCode,
  jsonText,
  keptOf,
  oddWarning,
  type Taken,
  takeTurns,
} from './take-turns.ts';
import { parse } from './usage.ts';
import { LateMove } from './watched.ts';
import { HEAVY_ENGINES, type HeavyArm, type HeavyMove, heavyRow, heavyTable } from './write-heavy-figures.ts';

const RAW_SECONDS = 3;
/** What each kind of guest is told: all of a core and as many rewrites as it can, or the steady load of the other benches. */
const GUESTS = { quiet: ['load 50', 'touch 1000 all'], heavy: ['load 100', 'touch 4000000000 all'] } as const;
/** The guest's steady time before and after, and the check of its memory, beside the move. */
const PER_MOVE_S = 20;
const BEGIN_S = 30;

export async function run(args: string[]): Promise<number> {
  const { arms, rate, memory, filled, deadline, runs, json } = wishesOf(args);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const count = (runs + 1) * arms.length;
  const longest = BEGIN_S + count * (PER_MOVE_S + deadline);
  say(
    `${count} moves with the turn that warms up, at most ${Math.ceil(longest / 60)} minutes on a quiet machine`,
  );
  say(`a move in which ${RULE} is discarded`);
  for (const line of oddWarning(runs)) say(line);
  const lab = await bringUp(
    {
      ...{ name: 'writeheavy', nodes: 2, driver: 'qemu', net: 'netns', link: rate },
      ...{ cores: 'own', mode: 'observe' },
      settings: { migration: { compression: 'off' } },
    },
    say,
  );
  try {
    const raw = await rawTcpBothWays(lab, RAW_SECONDS, say);
    const link = { rate, rawTcpMbit: raw };
    say(rawText(link).trimEnd());
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}`, 120_000);
    await guest.command(`ticks ${TICK_MS}`);
    const ballast = new Ballast(lab.node('node0').ramDir, filled);
    const { turns, discarded, badPages } = await takeTurns<HeavyArm, HeavyMove>({
      ...{ arms, runs, say },
      name: arm => `${arm.engine} ${arm.guest}`,
      vmOf: () => 'bench',
      bring: (_, from) => bring(lab, `node${from}`),
      move: (arm, from) => heavyMove(lab, { guest, ballast }, arm, deadline, from),
    });
    const rawMbit = (from: string) => (from === 'node0' ? raw.there : raw.back);
    const rows = arms.map(arm => heavyRow(arm, keptOf(turns, arm), rawMbit));
    const vm = { memoryMib: memory, filledMib: filled };
    const report = {
      ...{ machine: machineFacts(), link, vm, deadlineS: deadline },
      ...{ discarded, badPages, rows, moves: arms.map(arm => ({ arm, moves: keptOf(turns, arm) })) },
    };
    process.stdout.write(
      json ? jsonText(report) : `${rawText(link)}${heavyTable(rows)}${discardedText(discarded, RULE)}`,
    );
    return exitCode(
      badPages,
      rows.every(row => row.runs === runs),
    );
  } finally {
    await lab.down();
  }
}

function wishesOf(args: string[]) {
  const values = parse('write-heavy', args);
  const engines = choices('--engines', values.engines, HEAVY_ENGINES);
  const wishes = {
    arms: engines.flatMap(engine =>
      (['quiet', 'heavy'] as const).map((guest): HeavyArm => ({ engine, guest })),
    ),
    rate: link('--link', values.link),
    memory: number('--memory', values.memory, 65_536),
    filled: number('--filled', values.filled, 65_536),
    deadline: number('--deadline', values.deadline, 250),
    runs: number('--runs', values.runs, 1000),
    json: values.json,
  };
  fits(wishes.filled, wishes.memory);
  return wishes;
}

async function heavyMove(
  lab: Lab,
  { guest, ballast }: { guest: GuestPort; ballast: Ballast },
  arm: HeavyArm,
  deadlineS: number,
  from: 0 | 1,
): Promise<Taken<HeavyMove>> {
  for (const line of GUESTS[arm.guest]) await guest.command(line);
  try {
    const wishes = { ballast, lossMs: LOSS_10S_MS, lateAfterMs: deadlineS * 1000 };
    const { result, others } = await oneMove(lab, guest, arm.engine, wishes);
    const said = `${result.totalMs} ms in all, switch ${result.switchMs} ms`;
    return { result, others, badPages: result.badPages, said };
  } catch (error) {
    // Only an end that the deadline brought is a figure; whatever else went wrong ends the bench.
    if (!(error instanceof LateMove)) throw error;
    const ended = `not converged in ${deadlineS} s`;
    const { share: strangersShare, cores: strangersCores } = error.others;
    const ways = { from: `node${from}`, to: `node${1 - from}` };
    const result = { ended, ...ways, strangersShare, strangersCores };
    return { result, others: error.others, badPages: 0, said: ended };
  }
}
