/** Beyond the paper: a load that comes and goes every 15 s, which invites a rule to move VMs to and fro. */
import { ARMS, labOf } from '../frame/arms.ts';
import { lostS, type Want } from '../frame/demand.ts';
import { neededS } from '../frame/moves.ts';
import { twoVms } from '../frame/panels.ts';
import { onStage } from '../frame/stage.ts';
import type { Arm, Experiment, Measured } from '../frame/types.ts';
import { play } from './loads.ts';

const EVERY_S = 15;
const FULL = { flips: 20, memoryMib: 1024, filledMib: 512 };
const QUICK = { flips: 3, memoryMib: 512, filledMib: 128 };
const VM0_PERCENT = 20;
const AROUND_S = { full: 60, quick: 35 };

/** VM1 all and nothing by turns, nothing first. Pure. */
export const flapping = (flips: number): Want[] => [
  { atS: 0, vm: 'vm0', percent: VM0_PERCENT },
  ...Array.from({ length: flips }, (_, i) => ({
    atS: i * EVERY_S,
    vm: 'vm1',
    percent: i % 2 === 1 ? 100 : 0,
  })),
];

async function run(arm: Arm, isQuick: boolean, say: (line: string) => void): Promise<Measured> {
  const { flips, memoryMib, filledMib } = isQuick ? QUICK : FULL;
  const wants = flapping(flips);
  const endS = flips * EVERY_S;
  const vms = async () => ['vm0', 'vm1'].map(name => ({ name, node: 'node0', memoryMib, filledMib }));
  return onStage(labOf(arm, isQuick), vms, say, async stage => {
    stage.begin();
    await play(stage, wants, say);
    await stage.until(endS * 1000);
    // A move that is under way when figures end is waited for: its guest must answer for its memory.
    await stage.settled();
    return stage.end(({ series, moves, endMs }) => ({
      movesPerMinute: moves.length / (endS / 60),
      vm0LostS: lostS(series, 'vm0', wants, 0, endS),
      vm1LostS: lostS(series, 'vm1', wants, 0, endS),
      neededS: neededS(moves, 'node1', endMs),
    }));
  });
}

export const flap: Experiment = {
  name: 'flap',
  title: 'A load that comes and goes every 15 s',
  section: 'beyond the paper',
  arms: [
    ARMS.postcopy,
    ARMS['postcopy-no-backoff'],
    ARMS.precopy,
    ARMS['precopy-no-backoff'],
    ARMS.warm,
    ARMS.none,
  ],
  quickArms: ['postcopy'],
  repetitions: 3,
  figures: {
    movesPerMinute: { unit: '1/min', meaning: 'Moves.' },
    vm0LostS: {
      unit: 's',
      meaning: 'Work that VM0, which wants 20 % all the time, did not get, in seconds of a core.',
    },
    vm1LostS: { unit: 's', meaning: 'The same of VM1, where it wanted all for the whole of a sample.' },
    neededS: { unit: 's', meaning: 'For how long PM1 was needed, of five minutes (45 s, quick).' },
  },
  panels: twoVms(),
  claims: [{ figure: 'movesPerMinute', less: 'postcopy', than: 'postcopy-no-backoff' }],
  seconds: (_arm, isQuick) =>
    (isQuick ? QUICK : FULL).flips * EVERY_S + (isQuick ? AROUND_S.quick : AROUND_S.full),
  run,
  remarks: [
    'The paper has no such load. Without backoff is its rule; with it (as installed) a VM that came back rests before it is packed again, twice as long each time.',
  ],
};
