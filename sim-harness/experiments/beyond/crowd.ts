/** Beyond the paper, which has two VMs: eight VMs on three nodes, half of them busy by turns. */
import { ARMS, labOf } from '../frame/arms.ts';
import { lostS, type Want } from '../frame/demand.ts';
import { neededS } from '../frame/moves.ts';
import { cpuPanel } from '../frame/panels.ts';
import { onStage } from '../frame/stage.ts';
import type { Arm, Experiment, Measured, Series } from '../frame/types.ts';
import { play } from './loads.ts';

const NODES = ['node0', 'node1', 'node2'];
const VMS = Array.from({ length: 8 }, (_, i) => `vm${i}`);
/** Packed, they leave half a node free; half of them busy fill a node and a half, which two cores carry. */
const [REST_PERCENT, BUSY_PERCENT] = [5, 32];
const FULL = { stepS: 60, memoryMib: 384, filledMib: 192 };
const QUICK = { stepS: 12, memoryMib: 256, filledMib: 64 };
const PARTS = 5;
const AROUND_S = { full: 120, quick: 60 };
const LAST_MS = { full: 60_000, quick: 20_000 };
const FULL_NODE_PERCENT = 95;

/** All at rest, the first half busy, all at rest, the second half busy, all at rest. Pure. */
export const shifting = (stepS: number): Want[] =>
  Array.from({ length: PARTS }, (_, part) => part).flatMap(part =>
    VMS.map((vm, i) => {
      const isBusy = (part === 1 && i < VMS.length / 2) || (part === 3 && i >= VMS.length / 2);
      return { atS: part * stepS, vm, percent: isBusy ? BUSY_PERCENT : REST_PERCENT };
    }),
  );

async function run(arm: Arm, isQuick: boolean, say: (line: string) => void): Promise<Measured> {
  const { stepS, memoryMib, filledMib } = isQuick ? QUICK : FULL;
  const wants = shifting(stepS);
  const endS = PARTS * stepS;
  const options = labOf(arm, isQuick, { nodes: NODES.length, cores: 'quota' });
  const vms = async () => VMS.map(name => ({ name, node: 'node0', memoryMib, filledMib }));
  return onStage(options, vms, say, async stage => {
    stage.begin();
    await play(stage, wants, say);
    await stage.until(endS * 1000);
    if (arm.engine) await stage.packed(endS * 1000 + (isQuick ? LAST_MS.quick : LAST_MS.full));
    return stage.end(({ series, moves, endMs }) => ({
      lostS: VMS.reduce((sum, vm) => sum + lostS(series, vm, wants, 0, endS), 0),
      fullNodeS: NODES.reduce((sum, node) => sum + fullS(series, node), 0),
      neededNodeS: NODES.slice(1).reduce((sum, node) => sum + neededS(moves, node, endMs), 0),
      moves: moves.length,
    }));
  });
}

/** Seconds in which a node had no CPU left. */
const fullS = (series: readonly Series[], node: string): number =>
  (series.find(one => one.name === node)?.points ?? []).filter(([, percent]) => percent >= FULL_NODE_PERCENT)
    .length;

export const crowd: Experiment = {
  name: 'crowd',
  title: 'Eight VMs on three nodes',
  section: 'beyond the paper',
  arms: [ARMS.postcopy, ARMS.warm, ARMS.precopy, ARMS.none],
  quickArms: ['postcopy'],
  repetitions: 3,
  figures: {
    lostS: { unit: 's', meaning: 'Work that the VMs did not get, in seconds of a core.' },
    fullNodeS: { unit: 's', meaning: 'Seconds in which a node had no CPU left, of all nodes.' },
    neededNodeS: { unit: 's', meaning: 'For how long the second and the third node were needed, together.' },
    moves: { unit: '', meaning: 'Moves.' },
  },
  panels: NODES.map((node, i) => cpuPanel(node, `PM${i}`)),
  claims: [
    { figure: 'lostS', less: 'postcopy', than: 'none' },
    { figure: 'lostS', less: 'warm', than: 'postcopy' },
  ],
  seconds: (_arm, isQuick) =>
    (isQuick ? QUICK : FULL).stepS * PARTS + (isQuick ? AROUND_S.quick : AROUND_S.full),
  run,
  remarks: [
    'Three nodes share two cores here: each has a quota of one core, and all VMs together never want more than 1.5.',
  ],
};
