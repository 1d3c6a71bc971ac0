/**
 * `npm run bench -- write-heavy [--engines postcopy,warm,precopy] [--link 200mbit] [--memory 512] [--filled 200] [--deadline 60] [--runs 3] [--json]`
 * A guest that rewrites all its memory faster than the link carries it, against the same guest when it writes little: each
 * engine moves both, in turns. Where an engine does not end within the deadline it is cancelled, and the row says so: the source keeps the VM.
 * Pages never travel packed here, so that bytes on the wire can be held against the memory that has data.
 * Discarded, by a rule fixed here: a move in which others used more than 15 % of the cores.
 */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent/errors';
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { rawTcp } from './link-figures.ts';
import { oneMove, TICK_MS } from './one-move.ts';
import { choices, number } from './options.ts';
import { HEAVY_ENGINES, type HeavyArm, type HeavyMove, heavyRow, heavyTable } from './write-heavy-figures.ts';

const STRANGERS_MAX_SHARE = 0.15;
const TRIES_PER_RUN = 3;
const RAW_SECONDS = 3;
/** What each kind of guest is told: all of a core and as many rewrites as it can, or the steady load of the other benches. */
const GUESTS = { quiet: ['load 50', 'touch 1000 all'], heavy: ['load 100', 'touch 4000000000 all'] } as const;
/** The link, the guest's steady time and the check of its memory, beside the move. */
const PER_MOVE_S = 12;
const BEGIN_S = 25;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      engines: { type: 'string', default: 'postcopy,warm,precopy' },
      link: { type: 'string', default: '200mbit' },
      memory: { type: 'string', default: '512' },
      filled: { type: 'string', default: '200' },
      deadline: { type: 'string', default: '60' },
      runs: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const engines = choices('--engines', values.engines, HEAVY_ENGINES);
  const [memory, filled, deadline, runs] = [
    number('--memory', values.memory, 65_536),
    number('--filled', values.filled, 65_536),
    number('--deadline', values.deadline, 250),
    number('--runs', values.runs, 1000),
  ];
  const arms = engines.flatMap(engine =>
    (['quiet', 'heavy'] as const).map((guest): HeavyArm => ({ engine, guest })),
  );
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const longest = BEGIN_S + runs * arms.length * (PER_MOVE_S + deadline);
  say(`${runs * arms.length} moves, at most ${Math.ceil(longest / 60)} minutes on a quiet machine`);
  say(`a move in which others used more than ${STRANGERS_MAX_SHARE * 100} % of the cores is discarded`);
  const lab = await bringUp(
    {
      ...{ name: 'writeheavy', nodes: 2, driver: 'qemu', net: 'netns', link: values.link },
      ...{ cores: 'own', mode: 'observe' },
      settings: { migration: { compression: 'off' } },
    },
    say,
  );
  try {
    const rawTcpMbit = await rawTcp(lab, RAW_SECONDS);
    say(`link ${values.link}: raw TCP ${rawTcpMbit} Mbit/s`);
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}`, 120_000);
    await guest.command(`ticks ${TICK_MS}`);
    const moves = new Map<HeavyArm, HeavyMove[]>(arms.map(arm => [arm, []]));
    for (let turn = 1; turn <= runs; turn++)
      for (const [arm, kept] of moves)
        for (let tries = 0; tries < TRIES_PER_RUN && kept.length < turn; tries++) {
          const { move, strangersShare } = await heavyMove(lab, guest, arm, deadline);
          const fine = strangersShare <= STRANGERS_MAX_SHARE;
          if (fine) kept.push(move);
          const said = 'ended' in move ? move.ended : `${move.totalMs} ms in all, switch ${move.switchMs} ms`;
          const others = `others ${Math.round(strangersShare * 100)} %`;
          say(`${arm.engine} ${arm.guest} ${turn}: ${said}, ${others}${fine ? '' : ': discarded'}`);
        }
    const rows = [...moves].map(([arm, of]) => heavyRow(arm, of, rawTcpMbit));
    const vm = { memoryMib: memory, filledMib: filled };
    const report = {
      machine: machineFacts(),
      link: { rate: values.link, rawTcpMbit },
      vm,
      deadlineS: deadline,
    };
    const json = { ...report, rows, moves: [...moves].map(([arm, of]) => ({ arm, moves: of })) };
    process.stdout.write(values.json ? `${JSON.stringify(json, null, 2)}\n` : heavyTable(rows));
    return rows.every(row => row.runs === runs) ? 0 : 2;
  } finally {
    await lab.down();
  }
}

async function heavyMove(
  lab: Lab,
  guest: GuestPort,
  arm: HeavyArm,
  deadlineS: number,
): Promise<{ move: HeavyMove; strangersShare: number }> {
  for (const line of GUESTS[arm.guest]) await guest.command(line);
  try {
    const { result, strangersShare } = await oneMove(lab, guest, arm.engine, [], deadlineS * 1000);
    return { move: result, strangersShare };
  } catch (error) {
    // Only an end that the deadline brought is a figure; whatever else went wrong ends the bench.
    if (!(error instanceof ShoalError) || error.code !== 'SHOAL_BENCH_LATE') throw error;
    return { move: { ended: `not converged in ${deadlineS} s` }, strangersShare: 0 };
  }
}
